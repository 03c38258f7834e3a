package io.github.dpo4j.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import io.github.dpo4j.UserError;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {
    private static final TensorSpec TWO_BYTES = new TensorSpec("a", DType.U8, 2);

    @TempDir
    Path folder;

    @Test
    void whatIsWrittenIsReadBackWithEveryDtype() {
        Path file = folder.resolve("x.safetensors");
        List<TensorSpec> tensors = new ArrayList<>();
        for (DType dtype : DType.values()) {
            tensors.add(new TensorSpec("a \"" + dtype + "\" \\ \n \u00e9 \ud83d\ude00", dtype, 3, 5));
        }
        tensors.add(new TensorSpec("scalar", DType.F64));
        tensors.add(new TensorSpec("empty", DType.F32, 7, 0));
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("z", "1");
        metadata.put("a", "\"\u0001\"");
        SafetensorsWriter.write(file, tensors, metadata, (tensor, sink) -> sink.write(randomBytes(tensor)));
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            assertThat(open.tensors().values().stream().map(TensorInfo::spec)).containsExactlyElementsOf(tensors);
            assertThat(open.metadata()).containsExactly(entry("z", "1"), entry("a", "\"\u0001\""));
            for (TensorSpec tensor : tensors) {
                assertThat(open.data(tensor.name()).mismatch(randomBytes(tensor)))
                        .as(tensor.name())
                        .isEqualTo(-1);
            }
        }
    }

    /** What safetensors 0.8.0 gives for {@code save({"a": tensor([7, 8], dtype=uint8)}, {"k": '\x01\x1f"\xe9'})}. */
    @Test
    void writesTheBytesThatTheReferenceLibraryWrites() throws IOException {
        Path file = folder.resolve("x.safetensors");
        SafetensorsWriter.write(
                file, List.of(TWO_BYTES), Map.of("k", "\u0001\u001f\"\u00e9"), (_, sink) -> sink.write(segment(7, 8)));
        byte[] header = ("{\"__metadata__\":{\"k\":\"\\u0001\\u001f\\\"\u00e9\"},"
                        + "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}   ")
                .getBytes(StandardCharsets.UTF_8);
        assertThat(Files.readAllBytes(file)).isEqualTo(RawFile.bytes(96, header, new byte[] {7, 8}));
    }

    @Test
    void takesATensorInPiecesLargerAndSmallerThanItsBuffer() {
        Path file = folder.resolve("x.safetensors");
        TensorSpec tensor = new TensorSpec("a", DType.F32, 250_001);
        MemorySegment bytes = randomBytes(tensor);
        SafetensorsWriter.write(file, List.of(tensor), Map.of(), (_, sink) -> {
            sink.write(bytes.asSlice(0, 3));
            sink.write(bytes.asSlice(3, 700_000));
            sink.write(bytes.asSlice(700_003, 0));
            sink.write(bytes.asSlice(700_003));
        });
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            assertThat(open.data("a").mismatch(bytes)).isEqualTo(-1);
        }
    }

    @Test
    void aSourceThatFailsMidwayLeavesTheOldFileAndNothingElse() throws IOException {
        Path file = Files.writeString(folder.resolve("x.safetensors"), "old");
        List<TensorSpec> tensors = List.of(new TensorSpec("first", DType.U8, 1 << 20), TWO_BYTES);
        assertThatThrownBy(() -> SafetensorsWriter.write(file, tensors, Map.of(), (tensor, sink) -> {
                    if (tensor.name().equals("a")) {
                        throw new IOException("No space left on device");
                    }
                    sink.write(randomBytes(tensor));
                }))
                .isInstanceOf(UserError.class)
                .hasMessage(file
                        + ": cannot be written (No space left on device); check that the folder exists, is writable"
                        + " and has free space");
        assertThatIllegalStateException()
                .isThrownBy(() -> SafetensorsWriter.write(file, tensors, Map.of(), (_, _) -> {
                    throw new IllegalStateException("a bug");
                }))
                .withMessage("a bug");
        assertThat(names(folder)).containsExactly("x.safetensors");
        assertThat(file).hasContent("old");
    }

    @Test
    void aSourceOfTheWrongSizeLeavesTheOldFileAndNothingElse() throws IOException {
        Path file = Files.writeString(folder.resolve("x.safetensors"), "old");
        assertThatIllegalStateException()
                .isThrownBy(() -> SafetensorsWriter.write(
                        file, List.of(TWO_BYTES), Map.of(), (_, sink) -> sink.write(segment(1))))
                .withMessage("the source gave 1 bytes for tensor 'a', which has 2");
        assertThatIllegalStateException()
                .isThrownBy(() -> SafetensorsWriter.write(
                        file, List.of(TWO_BYTES), Map.of(), (_, sink) -> sink.write(segment(1, 2, 3))))
                .withMessage("the source gave at least 3 bytes for tensor 'a', which has 2");
        assertThat(names(folder)).containsExactly("x.safetensors");
        assertThat(file).hasContent("old");
    }

    /** Permission bits do not stop root, so these use what stops everyone. */
    @Test
    void aTargetThatCannotBeWrittenIsAUserErrorAndLeavesNothing() throws IOException {
        Path plain = Files.writeString(folder.resolve("plain"), "old");
        Path taken = Files.createDirectory(folder.resolve("taken.safetensors"));
        Files.writeString(taken.resolve("inside"), "old");
        assertUnwritable(folder.resolve("absent/x.safetensors"));
        assertUnwritable(plain.resolve("x.safetensors"));
        assertUnwritable(taken);
        assertThatThrownBy(() -> SafetensorsWriter.writeFolder(
                        plain, Layout.single(Map.of(), List.of(TWO_BYTES)), (_, sink) -> sink.write(segment(1, 2))))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("cannot be written");
        assertThat(names(folder)).containsExactly("plain", "taken.safetensors");
        assertThat(taken.resolve("inside")).hasContent("old");
        assertThat(plain).hasContent("old");
    }

    @Test
    void refusesSpecsThatTheFormatCannotHold() {
        assertThatIllegalArgumentException().isThrownBy(() -> new TensorSpec("a", DType.U8, -1));
        assertThatIllegalArgumentException().isThrownBy(() -> new TensorSpec("a", DType.F32, 1L << 61));
        for (List<TensorSpec> tensors : List.of(
                List.of(TWO_BYTES, TWO_BYTES),
                List.of(new TensorSpec("__metadata__", DType.U8, 2)),
                List.of(new TensorSpec("\ud800", DType.U8, 2)))) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> SafetensorsWriter.write(
                            folder.resolve("x"), tensors, Map.of(), (_, sink) -> sink.write(segment(1, 2))));
        }
        assertThat(names(folder)).isEmpty();
    }

    private static void assertUnwritable(Path file) {
        assertThatThrownBy(() -> SafetensorsWriter.write(
                        file, List.of(TWO_BYTES), Map.of(), (_, sink) -> sink.write(segment(1, 2))))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(file + ": cannot be written (")
                .hasMessageContaining("; check");
    }

    private static MemorySegment randomBytes(TensorSpec tensor) {
        byte[] bytes = new byte[(int) tensor.bytes()];
        new SplittableRandom(tensor.name().length()).nextBytes(bytes);
        return MemorySegment.ofArray(bytes);
    }

    /** Native memory, as torch's tensors are. */
    private static MemorySegment segment(int... bytes) {
        MemorySegment segment = Arena.ofAuto().allocate(bytes.length);
        for (int i = 0; i < bytes.length; i++) {
            segment.set(ValueLayout.JAVA_BYTE, i, (byte) bytes[i]);
        }
        return segment;
    }

    private static List<String> names(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
