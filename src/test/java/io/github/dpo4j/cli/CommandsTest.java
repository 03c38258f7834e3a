package io.github.dpo4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.recipe.TinyRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The commands end to end: what they write is what docs/command-line.md promises. */
class CommandsTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path folder;
    private Path data = Path.of("");

    CommandsTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @BeforeEach
    void writeData() throws IOException {
        data = TinyRun.pairs(folder.resolve("pairs.jsonl"), TinyRun.PAIRS);
    }

    private List<String> training(String command, Path output) {
        return List.of(
                command,
                "--model=" + TinyRun.golden("llama/policy"),
                "--dataset=" + data,
                "--eval-dataset=" + data,
                "--output=" + output,
                "--max-steps=4",
                "--per-device-train-batch-size=2",
                "--logging-steps=1",
                "--save-steps=2",
                "--dtype=float32",
                "--threads=1");
    }

    private static List<JsonNode> lines(Path file) throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            lines.add(JSON.readTree(line));
        }
        return lines;
    }

    private static List<String> keys(JsonNode node) {
        List<String> keys = new ArrayList<>();
        node.fieldNames().forEachRemaining(keys::add);
        return keys;
    }

    private static void hasAllOfARun(Path run) {
        assertThat(run.resolve("model/config.json")).exists();
        assertThat(run.resolve("model/tokenizer.json")).exists();
        assertThat(run.resolve("model/README.md")).content().contains("dpo4j");
        assertThat(run.resolve("run.json")).content().contains("\"sha256\"", "\"seed\"");
        assertThat(run.resolve("report.html")).content().contains("<html");
        assertThat(run.resolve("checkpoints")).isDirectoryContaining("glob:**/step-2");
        assertThat(run.resolve("checkpoints")).isDirectoryContaining("glob:**/step-4");
        assertThat(ModelFolder.open(run.resolve("model")).settings())
                .isEqualTo(ModelFolder.open(TinyRun.golden("llama/policy")).settings());
    }

    @Test
    void dpoWritesAWholeRun() throws IOException {
        Path run = folder.resolve("dpo");
        Cli.run(training("dpo", run)).isDone();

        hasAllOfARun(run);
        List<JsonNode> lines = lines(run.resolve("metrics.jsonl"));
        assertThat(lines).hasSize(5);
        assertThat(keys(lines.getFirst()))
                .contains(
                        "split",
                        "step",
                        "loss",
                        "grad_norm",
                        "learning_rate",
                        "rewards/chosen",
                        "rewards/rejected",
                        "rewards/accuracies",
                        "rewards/margins",
                        "logps/chosen",
                        "logps/rejected",
                        "num_tokens",
                        "epoch",
                        "step_seconds",
                        "pairs_per_second");
        assertThat(lines.getLast().path("split").asText()).isEqualTo("eval");
        assertThat(keys(lines.getLast())).contains("loss", "rewards/accuracies", "rewards/margins");
    }

    @Test
    void anAdapterIsTrainedScoredContinuedAndMerged() throws IOException {
        Path run = folder.resolve("lora");
        Cli.run(training("dpo", run), "--lora-r=4", "--lora-target-modules=q_proj,v_proj", "--save-dtype=float32")
                .isDone();
        Path adapter = run.resolve("adapter");
        JsonNode config = JSON.readTree(adapter.resolve("adapter_config.json").toFile());
        assertThat(config.path("target_modules").toString()).isEqualTo("[\"q_proj\",\"v_proj\"]");
        assertThat(config.path("lora_alpha").asDouble()).isEqualTo(8);

        Path more = folder.resolve("more");
        Cli.run(training("dpo", more).stream()
                        .map(arg -> arg.startsWith("--model=") ? "--model=" + adapter : arg)
                        .toList())
                .isDone();
        assertThat(more.resolve("adapter/adapter_model.safetensors")).exists();

        Path merged = folder.resolve("merged");
        Cli.run(List.of("merge", "--model=" + adapter, "--output=" + merged)).isDone();
        assertThat(merged.resolve("tokenizer.json")).exists();
        List<JsonNode> ofAdapter = logps(adapter);
        List<JsonNode> ofMerged = logps(merged);
        for (int i = 0; i < ofAdapter.size(); i++) {
            double expected = ofAdapter.get(i).path("policy_chosen_logps").asDouble();
            assertThat(ofMerged.get(i).path("policy_chosen_logps").asDouble())
                    .isCloseTo(expected, within(1e-5 * Math.abs(expected)));
        }
        Cli.run(List.of("merge", "--model=" + adapter, "--output=" + merged)).isMistake("is not empty");
        Cli.run(List.of("merge", "--model=" + merged, "--output=" + folder.resolve("no")))
                .isMistake("is a whole model");
    }

    private List<JsonNode> logps(Path model) throws IOException {
        Path file = folder.resolve("logps-" + model.getFileName());
        Cli.run(List.of("logps", "--model=" + model, "--dataset=" + data, "--dtype=float32", "--output=" + file))
                .isDone();
        return lines(file);
    }

    @ParameterizedTest
    @ValueSource(strings = {"dpo", "sft"})
    void memoryPrintsThePlanAndWritesNothing(String command) {
        Path run = folder.resolve("planned");
        List<String> args = new ArrayList<>(training(command, run));
        Path stores = folder.resolve("stores");
        if (command.equals("dpo")) {
            args.add("--reference-logps-dir=" + stores);
        }
        Cli planned = Cli.run(args, "--memory", "--on-bad-row=skip", "--num-train-epochs=9");
        planned.isDone();
        assertThat(planned.out().lines().map(line -> line.replaceAll(" {2,}.*", "")))
                .contains("weights, float32", "gradients, float32", "adamw's two states, float32", "in all", "free")
                .anyMatch(line -> line.startsWith("activations of "))
                .anyMatch(line -> line.startsWith("micro-batches hold up to 1024 tokens"));
        assertThat(run).doesNotExist();
        assertThat(stores).doesNotExist();
    }

    @Test
    void memoryOfAResumedRunHasItsBudget() {
        Path run = folder.resolve("run");
        Cli.run(training("dpo", run), "--tokens-per-micro-batch=100").isDone();
        Cli planned = Cli.run(training("dpo", run), "--memory", "--resume");
        planned.isDone();
        assertThat(planned.out()).contains("micro-batches hold up to 100 tokens");
    }

    /** Whatever a probe would find: a run goes on in the type it was begun in. */
    @Test
    void aResumedRunKeepsItsComputeType() throws IOException {
        for (String type : List.of("float32", "bfloat16")) {
            Path run = folder.resolve(type);
            List<String> args = new ArrayList<>(training("dpo", run));
            args.removeIf(arg -> arg.startsWith("--dtype"));
            Cli.run(args, "--dtype=" + type).isDone();
            Cli.run(args, "--resume").isDone();
            assertThat(setting(type, "dtype").asText()).isEqualTo(type);
        }
    }

    @Test
    void storedAndLiveReferenceLogpsGiveTheSameMetrics() throws IOException {
        Path stores = folder.resolve("stores");
        Cli.run(training("dpo", folder.resolve("live")), "--reference-logps=live")
                .isDone();
        Cli.run(
                        training("dpo", folder.resolve("stored")),
                        "--reference-logps=stored",
                        "--reference-logps-dir=" + stores)
                .isDone();
        assertThat(stores.resolve(setting("stored", "reference_logps_stores")
                        .path("dataset")
                        .path("key")
                        .asText()))
                .isDirectoryContaining("glob:**/manifest.json")
                .isDirectoryContaining("glob:**/logps.f32");
        assertThat(setting("stored", "reference_logps").asText()).isEqualTo("stored");
        assertThat(setting("live", "reference_logps").asText()).isEqualTo("live");
        List<JsonNode> live = lines(folder.resolve("live/metrics.jsonl"));
        List<JsonNode> stored = lines(folder.resolve("stored/metrics.jsonl"));
        assertThat(stored).hasSameSizeAs(live);
        for (int i = 0; i < live.size(); i++) {
            assertThat(keys(stored.get(i))).isEqualTo(keys(live.get(i)));
            for (String key : List.of("loss", "rewards/chosen", "rewards/rejected", "rewards/margins")) {
                assertThat(stored.get(i).path(key).asDouble())
                        .isCloseTo(live.get(i).path(key).asDouble(), within(1e-5));
            }
        }
    }

    private JsonNode setting(String run, String name) throws IOException {
        return JSON.readTree(folder.resolve(run).resolve("run.json").toFile())
                .path("settings")
                .path(name);
    }

    @Test
    void sftWritesAWholeRun() throws IOException {
        Path run = folder.resolve("sft");
        Cli.run(training("sft", run)).isDone();

        hasAllOfARun(run);
        List<JsonNode> lines = lines(run.resolve("metrics.jsonl"));
        assertThat(lines).hasSize(5);
        assertThat(keys(lines.getFirst()))
                .contains("split", "step", "loss", "grad_norm", "learning_rate", "num_tokens", "epoch", "step_seconds");
    }

    /** SFT, then DPO from its result, then sampling from that one: each reads what the other wrote. */
    @Test
    void theResultOfOneCommandIsTheModelOfTheNext() throws IOException {
        Path sft = folder.resolve("sft");
        Path dpo = folder.resolve("dpo");
        Cli.run(training("sft", sft)).isDone();
        List<String> next = training("dpo", dpo).stream()
                .map(flag -> flag.startsWith("--model=") ? "--model=" + sft.resolve("model") : flag)
                .toList();
        Cli.run(next).isDone();
        Cli.run(
                        List.of("generate", "--model=" + dpo.resolve("model"), "--prompt=The little dog"),
                        "--output=" + folder.resolve("samples.jsonl"),
                        "--threads=1")
                .isDone();
        assertThat(lines(folder.resolve("samples.jsonl"))).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt2", "gpt_neox", "llama3"})
    void everyFamilyTrains(String family) throws IOException {
        Path run = folder.resolve(family);
        List<String> args = training("dpo", run).stream()
                .map(flag -> flag.startsWith("--model=") ? "--model=" + TinyRun.golden(family + "/policy") : flag)
                .toList();
        Cli.run(args).isDone();
        assertThat(lines(run.resolve("metrics.jsonl"))).hasSize(5);
        assertThat(ModelFolder.open(run.resolve("model")).settings())
                .isEqualTo(ModelFolder.open(TinyRun.golden(family + "/policy")).settings());
    }

    @Test
    void flagsWinOverTheConfigFileWhoseKeysMayHaveEitherCase() throws IOException {
        Path run = folder.resolve("configured");
        Path config = Files.writeString(folder.resolve("run.yaml"), """
                learning_rate: 0.5
                logging-steps: 2
                max_steps: 9
                lr_scheduler_type: constant
                no_shuffle: true
                dataset: [%s]
                """.formatted(data));
        Cli.run(
                        List.of("dpo", "--model", TinyRun.golden("llama/policy").toString()),
                        "--output",
                        run.toString(),
                        "--learning-rate",
                        "1e-4",
                        "--max-steps=2",
                        "--threads=1",
                        "--config",
                        config.toString())
                .isDone();
        assertThat(lines(run.resolve("metrics.jsonl"))).singleElement().satisfies(line -> {
            assertThat(line.path("step").asLong()).isEqualTo(2);
            assertThat(line.path("learning_rate").asDouble()).isEqualTo(1e-4);
        });
        assertThat(JSON.readTree(run.resolve("run.json").toFile()).toString()).contains("constant");
    }

    @Test
    void aLossThatIsNotFiniteIsAFailureInOneSentence() {
        Path run = folder.resolve("huge");
        Cli failed = Cli.run(training("dpo", run), "--learning-rate=1e30", "--lr-scheduler-type=constant");
        assertThat(failed.code()).isEqualTo(1);
        assertThat(failed.err().lines()).hasSize(1);
        assertThat(failed.err()).contains("step 2: ", "pairs.jsonl:", "tokens)", "lower learning rate");
        assertThat(run.resolve("model")).doesNotExist();
    }

    @Test
    void tokenizeWritesTheIdsOfEveryPairInOrder() throws IOException {
        Path file = folder.resolve("ids.jsonl");
        Cli.run(List.of(
                        "tokenize",
                        "--model=" + TinyRun.golden("llama/policy"),
                        "--dataset=" + data,
                        "--max-length=none",
                        "--output=" + file))
                .isDone();
        assertThat(lines(file))
                .hasSize(TinyRun.PAIRS)
                .allSatisfy(line -> assertThat(keys(line))
                        .containsExactly("prompt_ids", "chosen_ids", "rejected_ids", "file", "line"));
    }

    @Test
    void logpsScoresEveryPairUnderBothModels() throws IOException {
        Path file = folder.resolve("logps.jsonl");
        List<String> args = List.of(
                "logps",
                "--model=" + TinyRun.golden("llama/policy"),
                "--dataset=" + data,
                "--output=" + file,
                "--dtype=float32",
                "--threads=1");
        Cli.run(args, "--reference-model=" + TinyRun.golden("llama/reference")).isDone();
        List<JsonNode> both = lines(file);
        assertThat(both).hasSize(TinyRun.PAIRS).allSatisfy(line -> {
            assertThat(keys(line))
                    .contains(
                            "policy_chosen_logps",
                            "policy_rejected_logps",
                            "reference_chosen_logps",
                            "reference_rejected_logps",
                            "chosen_tokens");
            assertThat(line.path("policy_chosen_logps").asDouble()).isNegative();
            assertThat(line.path("reference_chosen_logps")).isNotEqualTo(line.path("policy_chosen_logps"));
        });
        Cli.run(args).isDone();
        assertThat(lines(file))
                .hasSize(TinyRun.PAIRS)
                .allSatisfy(line -> assertThat(keys(line)).doesNotContain("reference_chosen_logps"));
    }

    private List<JsonNode> samples(String... more) throws IOException {
        Path file = folder.resolve("samples.jsonl");
        Cli.run(
                        List.of(
                                "generate",
                                "--model=" + TinyRun.golden("llama/policy"),
                                "--prompts=" + data,
                                "--max-new-tokens=12",
                                "--output=" + file,
                                "--dtype=float32",
                                "--threads=1"),
                        more)
                .isDone();
        return lines(file);
    }

    @Test
    void theSeedDecidesWhatIsSampled() throws IOException {
        List<JsonNode> first = samples("--seed=1", "--num-return-sequences=2");
        assertThat(first).hasSize(2 * TinyRun.PAIRS).allSatisfy(line -> {
            assertThat(keys(line)).containsExactly("prompt", "completion", "completion_ids", "logps", "finish_reason");
            assertThat(line.path("logps").size())
                    .isEqualTo(line.path("completion_ids").size());
        });
        assertThat(samples("--seed=1", "--num-return-sequences=2")).isEqualTo(first);
        assertThat(samples("--seed=2", "--num-return-sequences=2")).isNotEqualTo(first);
    }

    @Test
    void greedyCompletionsDoNotDependOnTheSeed() throws IOException {
        assertThat(samples("--temperature=0", "--seed=1")).isEqualTo(samples("--temperature=0", "--seed=2"));
    }
}
