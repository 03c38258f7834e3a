package io.github.dpo4j.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.ThreadMXBean;
import io.github.dpo4j.UserError;
import io.github.dpo4j.model.ModelConfig;
import io.github.dpo4j.model.ModelFamily;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.safetensors.SafetensorsFile;
import io.github.dpo4j.text.Tokenizer;
import io.github.dpo4j.text.jinja.Template;
import io.github.dpo4j.text.jinja.TemplateException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Ten thousand mutations of each kind of file that comes with a model from anywhere: each ends in success or in an error that is
 * meant for people, allocates no more than 100 MB and comes to its end. The seed is fixed; {@code -Dfuzz.seed=N} takes another,
 * {@code -Dfuzz.inputs=N} other than ten thousand.
 */
@Timeout(300)
class FuzzTest {
    private static final long SEED = Long.getLong("fuzz.seed", 20261121);
    private static final int INPUTS = Integer.getInteger("fuzz.inputs", 10_000);
    private static final long MOST_BYTES = 100_000_000;
    private static final long MOST_NANOS = 5_000_000_000L;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path folder;

    FuzzTest(@TempDir Path folder) {
        this.folder = folder;
    }

    /** Makes an input of its random numbers and uses it; returns a word for how that went. */
    @FunctionalInterface
    private interface Use {
        String of(Mutator mutator) throws IOException;
    }

    private static void fuzz(Use use) throws IOException {
        ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        Map<String, Integer> outcomes = new TreeMap<>();
        for (int i = 0; i < INPUTS; i++) {
            Mutator mutator = new Mutator(new SplittableRandom(SEED + i));
            long bytes = thread.getCurrentThreadAllocatedBytes();
            long start = System.nanoTime();
            try {
                outcomes.merge(use.of(mutator), 1, Integer::sum);
            } catch (UserError | TemplateException e) {
                assertThat(e.getMessage()).as("input %d", i).isNotBlank();
                outcomes.merge("error", 1, Integer::sum);
            } catch (RuntimeException | Error e) {
                throw new AssertionError("input " + i + " of seed " + SEED + ": " + e, e);
            }
            assertThat(System.nanoTime() - start)
                    .as("nanoseconds of input %d", i)
                    .isLessThan(MOST_NANOS);
            assertThat(thread.getCurrentThreadAllocatedBytes() - bytes)
                    .as("bytes allocated by input %d", i)
                    .isLessThan(MOST_BYTES);
        }
        // mutations that all fail, or all succeed, would try nothing
        assertThat(outcomes.getOrDefault("error", 0)).as("%s", outcomes).isBetween(INPUTS / 10, INPUTS * 95 / 100);
    }

    private static List<JsonNode> corpus(String name) throws IOException {
        try (InputStream in = Objects.requireNonNull(FuzzTest.class.getResourceAsStream("/fuzz/" + name))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .map(FuzzTest::parsed)
                    .toList();
        }
    }

    private static JsonNode parsed(String line) {
        try {
            return JSON.readTree(line);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void safetensorsHeaders() throws IOException {
        ObjectNode header = JSON.createObjectNode();
        header.putObject("__metadata__").put("format", "pt");
        tensor(header, "embed", "F32", new int[] {4, 2}, 0, 32);
        tensor(header, "norm", "BF16", new int[] {2}, 32, 36);
        tensor(header, "none", "I64", new int[] {0, 3}, 36, 36);
        tensor(header, "one", "U8", new int[] {}, 36, 37);
        tensor(header, "deep", "F16", new int[] {1, 1, 1, 3}, 37, 43);
        Path file = folder.resolve("fuzzed.safetensors");
        fuzz(mutator -> {
            byte[] json = mutator.random().nextInt(20) == 0 ? JSON.writeValueAsBytes(header) : mutator.json(header);
            long[] lengths = {json.length, json.length + 1, json.length - 1, -1, Long.MAX_VALUE, 1L << 32, 99_999_999};
            long length =
                    lengths[mutator.random().nextInt(10) == 0 ? mutator.random().nextInt(lengths.length) : 0];
            int data = mutator.random().nextInt(10) == 0 ? mutator.random().nextInt(50) : 43;
            byte[] bytes = ByteBuffer.allocate(Long.BYTES + json.length + data)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(length)
                    .put(json)
                    .array();
            Files.write(file, mutator.random().nextInt(10) == 0 ? mutator.bytewise(bytes) : bytes);
            try (SafetensorsFile opened = SafetensorsFile.open(file)) {
                opened.tensors()
                        .keySet()
                        .forEach(
                                name -> assertThat(opened.data(name).byteSize()).isLessThan(50));
            }
            return "opened";
        });
    }

    private static void tensor(ObjectNode header, String name, String dtype, int[] shape, int begin, int end) {
        ObjectNode tensor = header.putObject(name).put("dtype", dtype);
        Arrays.stream(shape).forEach(tensor.putArray("shape")::add);
        tensor.putArray("data_offsets").add(begin).add(end);
    }

    @Test
    void configs() throws IOException {
        List<JsonNode> corpus = corpus("configs.jsonl");
        Path golden = Path.of("src/test/resources/golden/llama/policy");
        Files.copy(golden.resolve("model.safetensors"), folder.resolve("model.safetensors"));
        fuzz(mutator -> {
            Files.write(folder.resolve("config.json"), mutator.json(mutator.pick(corpus)));
            ModelConfig config = ModelConfig.read(folder);
            assertThat(ModelFamily.of(config).settings(config).layers()).isPositive();
            if (mutator.random().nextInt(10) == 0) {
                assertThat(ModelFolder.open(folder).layout().bytes()).isPositive();
            }
            return "read";
        });
    }

    @Test
    void tokenizers() throws IOException {
        List<JsonNode> corpus = corpus("tokenizers.jsonl");
        List<String> classes = List.of("", "GPT2Tokenizer", "LlamaTokenizer", "Qwen2Tokenizer", "GemmaTokenizer");
        fuzz(mutator -> {
            int which = mutator.random().nextInt(corpus.size());
            Files.write(folder.resolve("tokenizer.json"), mutator.json(corpus.get(which)));
            ObjectNode config = JSON.createObjectNode()
                    .put("tokenizer_class", mutator.pick(classes))
                    .put("bos_token", "<s>")
                    .put("eos_token", "</s>")
                    .put("add_prefix_space", mutator.random().nextBoolean());
            byte[] written = mutator.random().nextInt(5) == 0 ? mutator.json(config) : JSON.writeValueAsBytes(config);
            Files.write(folder.resolve("tokenizer_config.json"), written);
            try (Tokenizer tokenizer = Tokenizer.of(folder)) {
                int[] ids = tokenizer.encode("<s>hello the ab! a-b é\n</s> hello");
                tokenizer.encodeRaw("");
                tokenizer.encodeAll(List.of("a", "the \u2581 a</s>"));
                tokenizer.decode(ids, mutator.random().nextBoolean());
            }
            return "loaded";
        });
    }

    @Test
    void templates() throws IOException {
        List<String> corpus = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(Path.of("src/test/resources/chat"), "*.jinja")) {
            for (Path file : files) {
                corpus.add(Files.readString(file));
            }
        }
        corpus.sort(Comparator.naturalOrder()); // folders are listed in any order
        JsonNode given = JSON.readTree("""
                {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hé 😀\\n"},
                 {"role": "assistant", "content": null, "tool_calls": [{"type": "function", "id": "a1",
                   "function": {"name": "f", "arguments": {"x": [1, 2.5, null], "y": {"z": true}}}}]},
                 {"role": "tool", "name": "f", "content": "3"}, {"role": "assistant", "content": "<think>\\no\\n</think>3"}],
                 "tools": [{"type": "function", "function": {"name": "f", "description": "Adds.",
                   "parameters": {"type": "object", "properties": {"x": {"type": "array"}}, "required": ["x"]}}}],
                 "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": true, "documents": null}
                """);
        Map<String, JsonNode> variables = new TreeMap<>();
        given.properties().forEach(entry -> variables.put(entry.getKey(), entry.getValue()));
        fuzz(mutator -> {
            String source = new TemplateMutator(mutator, corpus).template();
            return Template.parse(source).render(variables, Clock.systemUTC()).isEmpty() ? "nothing" : "text";
        });
    }
}
