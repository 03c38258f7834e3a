package io.github.dpo4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.golden.Variant;
import io.github.dpo4j.safetensors.DType;
import io.github.dpo4j.safetensors.SafetensorsFolder;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelWriterTest {
    @TempDir
    Path folder;

    private static void write(Path from, Path to, Optional<DType> dtype) throws IOException {
        ModelFolder source = ModelFolder.open(from);
        try (TensorScope _ = new TensorScope()) {
            ModelWriter.write(source.loadTrainable(Device.CPU, ComputeType.FLOAT32), source, to, dtype);
        }
    }

    private static List<String> names(Path path) throws IOException {
        try (Stream<Path> files = Files.list(path)) {
            return files.map(file -> Objects.requireNonNull(file.getFileName()).toString())
                    .sorted()
                    .toList();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "llama3", "gpt2", "gpt_neox"})
    void aLoadedModelIsWrittenAsTheSameFilesByteForByte(String family) throws IOException {
        Path golden = Golden.of(family).policyFolder();
        Path copy = folder.resolve("copy");
        write(golden, copy, Optional.empty());
        assertThat(names(copy)).isEqualTo(names(golden)).contains("tokenizer.json", "config.json");
        for (String name : names(golden)) {
            assertThat(Files.mismatch(golden.resolve(name), copy.resolve(name)))
                    .as(name)
                    .isEqualTo(-1);
        }
    }

    /** bfloat16 keeps 8 bits of mantissa and float16 11: half a unit in the last place is at most 2^-8 and 2^-11 of the value. */
    @ParameterizedTest
    @CsvSource({"llama3, BF16, bfloat16, 0.00390625", "gpt2, F16, float16, 0.00048828125"})
    void anotherDtypeIsInTheFilesAndTheConfig(String family, DType dtype, String name, double half) throws IOException {
        Path golden = Golden.of(family).policyFolder();
        Path copy = folder.resolve("copy");
        write(golden, copy, Optional.of(dtype));
        JsonNode config =
                new ObjectMapper().readTree(copy.resolve("config.json").toFile());
        ObjectNode expected = (ObjectNode)
                new ObjectMapper().readTree(golden.resolve("config.json").toFile());
        assertThat(config).isEqualTo(expected.put("dtype", name));
        try (SafetensorsFolder files = SafetensorsFolder.open(copy);
                SafetensorsFolder original = SafetensorsFolder.open(golden)) {
            assertThat(files.tensors().keySet()).isEqualTo(original.tensors().keySet());
            assertThat(files.tensors().values()).allMatch(tensor -> tensor.dtype() == dtype);
            assertThat(files.layout().sharded()).isEqualTo(original.layout().sharded());
        }
        try (TensorScope _ = new TensorScope()) {
            Parameters read = ModelFolder.open(copy)
                    .loadTrainable(Device.CPU, ComputeType.FLOAT32)
                    .parameters();
            Parameters whole = ModelFolder.open(golden)
                    .loadTrainable(Device.CPU, ComputeType.FLOAT32)
                    .parameters();
            whole.byName().forEach((tensor, weight) -> {
                double[] exact = Tensors.toDoubles(weight);
                double[] rounded =
                        Tensors.toDoubles(Objects.requireNonNull(read.byName().get(tensor)));
                for (int i = 0; i < exact.length; i += 97) {
                    // Below 2^-14 float16 has a fixed step of 2^-24.
                    assertThat(rounded[i]).isCloseTo(exact[i], within(Math.max(half * Math.abs(exact[i]), 0x1p-25)));
                }
            });
        }
    }

    @Test
    void aTiedHeadInTheFilesIsWrittenFromTheEmbeddingAndMasksAreLeftOut() throws IOException {
        Path source = Variant.write("gpt2", folder.resolve("source"), _ -> {}, weights -> {
            weights.put("lm_head.weight", Objects.requireNonNull(weights.get("transformer.wte.weight")));
            weights.put("transformer.h.0.attn.masked_bias", Variant.Stored.vector(1, _ -> -10000));
        });
        Path copy = folder.resolve("copy");
        write(source, copy, Optional.empty());
        try (SafetensorsFolder files = SafetensorsFolder.open(copy)) {
            assertThat(files.tensors())
                    .containsKey("lm_head.weight")
                    .doesNotContainKey("transformer.h.0.attn.masked_bias");
            assertThat(files.data("lm_head.weight").mismatch(files.data("transformer.wte.weight")))
                    .isEqualTo(-1);
        }
    }
}
