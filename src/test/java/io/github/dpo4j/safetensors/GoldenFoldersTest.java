package io.github.dpo4j.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dpo4j.UserError;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Folders that transformers saved come out of the writer as they went in. */
class GoldenFoldersTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden");

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"llama", "llama3", "gpt2", "gpt_neox"})
    void rewritesAFolderOfTransformersByteForByte(String family) throws IOException {
        Path golden = GOLDEN.resolve(family).resolve("policy");
        Path copy = folder.resolve("copy");
        try (SafetensorsFolder open = SafetensorsFolder.open(golden)) {
            SafetensorsWriter.writeFolder(copy, open.layout(), copyOf(open));
        }
        assertThat(weights(copy)).isNotEmpty().isEqualTo(weights(golden));
        for (String name : weights(copy)) {
            assertThat(Files.mismatch(copy.resolve(name), golden.resolve(name)))
                    .as(name)
                    .isEqualTo(-1);
        }
    }

    @Test
    void writesTheShardsOfALayoutWithAllFloatsInAnotherDtype() {
        try (SafetensorsFolder open = SafetensorsFolder.open(GOLDEN.resolve("llama3/policy"))) {
            Layout half = open.layout().withFloats(DType.BF16);
            SafetensorsWriter.writeFolder(
                    folder, half, (tensor, sink) -> sink.write(topHalves(open.data(tensor.name()))));
            try (SafetensorsFolder read = SafetensorsFolder.open(folder)) {
                assertThat(read.layout()).isEqualTo(half);
                assertThat(read.layout().bytes()).isEqualTo(open.layout().bytes() / 2);
                assertThat(read.layout().totalParameters()).isEqualTo(OptionalLong.of(196_928));
                assertThat(read.tensors().keySet())
                        .containsExactlyElementsOf(open.tensors().keySet());
                assertThat(read.tensors().values()).allMatch(tensor -> tensor.dtype() == DType.BF16);
                assertThat(read.data("model.norm.weight").mismatch(topHalves(open.data("model.norm.weight"))))
                        .isEqualTo(-1);
            }
        }
    }

    @Test
    void floatsOfAnotherWidthLeaveIntegersAloneAndEveryTensorAligned() {
        List<TensorSpec> tensors = List.of(
                new TensorSpec("i32", DType.I32, 1),
                new TensorSpec("bf16", DType.BF16, 3),
                new TensorSpec("i16", DType.I16, 1),
                new TensorSpec("f16", DType.F16, 1),
                new TensorSpec("bool", DType.BOOL, 1));
        assertThat(Layout.single(Map.of(), tensors)
                        .withFloats(DType.F32)
                        .files()
                        .getFirst()
                        .tensors())
                .containsExactly(
                        new TensorSpec("i32", DType.I32, 1),
                        new TensorSpec("bf16", DType.F32, 3),
                        new TensorSpec("f16", DType.F32, 1),
                        new TensorSpec("i16", DType.I16, 1),
                        new TensorSpec("bool", DType.BOOL, 1));
    }

    @Test
    void refusesToMixNewWeightsWithOldOnes() throws IOException {
        Layout single = Layout.single(Map.of(), List.of());
        Layout sharded =
                new Layout(List.of(new Layout.File("x.safetensors", Map.of(), List.of())), OptionalLong.empty());
        SafetensorsWriter.writeFolder(folder, single, (_, _) -> {});
        SafetensorsWriter.writeFolder(folder, single, (_, _) -> {});
        assertMixed(sharded, "model.safetensors");
        Files.delete(folder.resolve("model.safetensors"));
        Files.writeString(folder.resolve("model.safetensors.index.json"), "old");
        assertMixed(sharded, "model.safetensors.index.json");
        assertMixed(single, "model.safetensors.index.json");
        Files.delete(folder.resolve("model.safetensors.index.json"));
        Files.writeString(folder.resolve("x.safetensors"), "old");
        assertMixed(sharded, "x.safetensors");
        assertThat(folder.resolve("x.safetensors")).hasContent("old");
    }

    @Test
    void aFailureAmongTheShardsLeavesNothingBehind() throws IOException {
        try (SafetensorsFolder open = SafetensorsFolder.open(GOLDEN.resolve("llama3/policy"))) {
            assertThatThrownBy(() -> SafetensorsWriter.writeFolder(folder, open.layout(), (tensor, sink) -> {
                        if (tensor.name().equals("model.layers.0.input_layernorm.weight")) {
                            throw new IOException("No space left on device");
                        }
                        sink.write(open.data(tensor.name()));
                    }))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("No space left on device");
        }
        assertThat(weights(folder)).isEmpty();
    }

    /** The expected digest is that of sha256sum. */
    @Test
    void hashesFilesStreamsAndMemoryAlike() throws IOException {
        String abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assertThat(Sha256.of(Files.writeString(folder.resolve("abc"), "abc"))).isEqualTo(abc);
        assertThat(Sha256.of(new byte[] {'a', 'b', 'c'})).isEqualTo(abc);
        Path large = GOLDEN.resolve("gpt2/policy/model.safetensors");
        byte[] bytes = Files.readAllBytes(large);
        assertThat(Sha256.of(large))
                .isEqualTo(Sha256.of(bytes))
                .isEqualTo("e38edce41ff19023a02a5bc9791fa62638abfda7745b231f637619c3c61a5b4b");
        assertThat(Sha256.of(MemorySegment.ofArray(new byte[0]))).startsWith("e3b0c44298fc1c14");
        assertThatThrownBy(() -> Sha256.of(folder.resolve("absent")))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("no such file");
    }

    private void assertMixed(Layout layout, String name) {
        assertThatThrownBy(() -> SafetensorsWriter.writeFolder(folder, layout, (_, _) -> {}))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("already holds weights (" + name + ")");
    }

    private static SafetensorsWriter.Source copyOf(SafetensorsFolder open) {
        return (tensor, sink) -> sink.write(open.data(tensor.name()));
    }

    /** The upper two bytes of each float32: bfloat16, rounded towards zero. */
    private static MemorySegment topHalves(MemorySegment floats) {
        MemorySegment halves = MemorySegment.ofArray(new byte[(int) floats.byteSize() / 2]);
        for (long i = 0; i < floats.byteSize() / 4; i++) {
            MemorySegment.copy(floats, 4 * i + 2, halves, 2 * i, 2);
        }
        return halves;
    }

    private static List<String> weights(Path folder) throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.map(entry -> entry.getFileName().toString())
                    .filter(name -> name.contains("safetensors"))
                    .sorted()
                    .toList();
        }
    }
}
