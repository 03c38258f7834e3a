package io.github.dpo4j.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.entry;

import io.github.dpo4j.UserError;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsFileTest {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    @TempDir
    Path folder;

    @Test
    void readsTensorsAndMetadataInTheOrderOfTheBytes() throws IOException {
        Path file = RawFile.write(
                folder.resolve("x.safetensors"),
                "{\"b\":{\"dtype\":\"I16\",\"shape\":[2,1],\"data_offsets\":[3,7]},"
                        + "\"empty\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[3,3]},"
                        + "\"__metadata__\":{\"format\":\"pt\",\"a\":\"\u00e9\"},"
                        + "\"a\":{\"shape\":[3],\"data_offsets\":[0,3],\"dtype\":\"U8\"},"
                        + "\"scalar\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[7,8]}}  ",
                8);
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            assertThat(open.tensors().values())
                    .containsExactly(
                            new TensorInfo("a", DType.U8, List.of(3L), 0, 3),
                            new TensorInfo("empty", DType.F32, List.of(0L, 5L), 3, 3),
                            new TensorInfo("b", DType.I16, List.of(2L, 1L), 3, 7),
                            new TensorInfo("scalar", DType.BOOL, List.of(), 7, 8));
            assertThat(open.metadata()).containsExactly(entry("format", "pt"), entry("a", "\u00e9"));
            assertThat(bytes(open.data("b"))).containsExactly(3, 4, 5, 6);
            assertThat(bytes(open.data("empty"))).isEmpty();
            assertThat(bytes(open.data("scalar"))).containsExactly(7);
            assertThat(open.data("a").isReadOnly()).isTrue();
        }
    }

    @Test
    void readsAFileWithoutTensors() throws IOException {
        try (SafetensorsFile open = SafetensorsFile.open(RawFile.write(folder.resolve("x"), "{}", 0))) {
            assertThat(open.tensors()).isEmpty();
            assertThat(open.metadata()).isEmpty();
        }
    }

    @Test
    void aClosedFileGivesNoBytesInsteadOfCrashing() throws IOException {
        SafetensorsFile open = SafetensorsFile.open(RawFile.write(folder.resolve("x"), u8("a", 0, 4), 4));
        MemorySegment data = open.data("a");
        open.close();
        open.close();
        assertThatThrownBy(() -> data.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void anotherThreadMayRead() throws Exception {
        try (SafetensorsFile open = SafetensorsFile.open(RawFile.write(folder.resolve("x"), u8("a", 0, 4), 4))) {
            byte[] read = new byte[4];
            Thread thread = Thread.ofPlatform().start(() -> System.arraycopy(bytes(open.data("a")), 0, read, 0, 4));
            thread.join();
            assertThat(read).containsExactly(0, 1, 2, 3);
        }
    }

    @Test
    void readsTheLastTensorOfAFileOverTwoGibibytes() throws IOException {
        Path file = folder.resolve("large.safetensors");
        long large = 5L << 29; // 2.5 GiB, a hole in the file system that takes no disk
        byte[] header = ("{\"large\":{\"dtype\":\"U8\",\"shape\":[" + large + "],\"data_offsets\":[0," + large + "]},"
                        + "\"last\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" + large + "," + (large + 8)
                        + "]}}")
                .getBytes(StandardCharsets.UTF_8);
        try (RandomAccessFile raw = new RandomAccessFile(file.toFile(), "rw")) {
            raw.write(RawFile.bytes(header.length, header, new byte[0]));
            raw.setLength(Long.BYTES + header.length + large + 8);
            raw.seek(Long.BYTES + header.length + large);
            raw.writeInt(Integer.reverseBytes(Float.floatToIntBits(1.5f)));
            raw.writeInt(Integer.reverseBytes(Float.floatToIntBits(-2.25f)));
        }
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            assertThat(open.data("last").get(FLOAT, 0)).isEqualTo(1.5f);
            assertThat(open.data("last").get(FLOAT, 4)).isEqualTo(-2.25f);
            assertThat(open.data("large").byteSize()).isEqualTo(large);
            assertThat(open.data("large").get(ValueLayout.JAVA_BYTE, large - 1)).isZero();
        }
    }

    @Test
    void refusesEveryTruncationOfAGoodFile() throws IOException {
        byte[] whole = Files.readAllBytes(RawFile.write(folder.resolve("x"), u8("a", 0, 4), 4));
        Path cut = folder.resolve("cut");
        for (int length = 0; length < whole.length; length++) {
            Files.write(cut, Arrays.copyOf(whole, length));
            assertRefused(cut, "truncated");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "-1, '18446744073709551615 bytes, more than'",
        "-9223372036854775808, '9223372036854775808 bytes, more than'",
        "9223372036854775807, more than",
        "100000001, more than",
        "100000000, truncated",
        "58, truncated",
        "0, does not start",
    })
    void refusesAHeaderLengthThatTheFileCannotHold(long headerBytes, String what) throws IOException {
        byte[] header = u8("a", 0, 4).getBytes(StandardCharsets.UTF_8);
        assertThat(header).hasSize(53);
        assertRefused(Files.write(folder.resolve("x"), RawFile.bytes(headerBytes, header, new byte[4])), what);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " {}",
                "[]",
                "null",
                "not json",
                "{",
                "{]",
                "{\"a\"",
                "{} {}",
                "{},",
                "{\"a\":{}}",
                "{'a':1}",
                "{\"a\":1}",
                "{/**/}"
            })
    void refusesAHeaderThatIsNotTheRightJson(String header) throws IOException {
        assertRefused(RawFile.write(folder.resolve("x"), header, 0), "");
    }

    @Test
    void refusesOtherEncodingsThanUtf8() throws IOException {
        byte[] utf16 = "{}".getBytes(StandardCharsets.UTF_16LE);
        assertRefused(Files.write(folder.resolve("x"), RawFile.bytes(4, utf16, new byte[0])), "not valid JSON");
        byte[] latin1 = u8("\u00e9", 0, 0).getBytes(StandardCharsets.ISO_8859_1);
        assertRefused(Files.write(folder.resolve("x"), RawFile.bytes(latin1.length, latin1, new byte[0])), "not UTF-8");
        assertRefused(RawFile.write(folder.resolve("x"), u8("\\ud800", 0, 0), 0), "not valid Unicode");
    }

    @Test
    void refusesANestedBomb() throws IOException {
        assertRefused(RawFile.write(folder.resolve("x"), "{\"a\":".repeat(100_000), 0), "");
        assertRefused(
                RawFile.write(
                        folder.resolve("x"), "{\"a\":{\"dtype\":\"U8\",\"shape\":" + "[".repeat(1_000_000) + "]}}", 0),
                "");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"shape\":[4],\"data_offsets\":[0,4]}}",
                "{\"__metadata__\":{},\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"__metadata__\":{}}",
                "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"},\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
            })
    void refusesDuplicateNames(String header) throws IOException {
        assertRefused(RawFile.write(folder.resolve("x"), header, 4), "Duplicate");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "U8 | [5] | [0,5] | ends at byte 5 of a data section of 4",
                "U8 | [4] | [4,8] | ends at byte 8",
                "U8 | [3] | [1,4] | hole of 1 bytes",
                "U8 | [3] | [0,3] | 1 bytes follow",
                "U8 | [0] | [9,9] | ends at byte 9",
                "F32 | [4] | [0,4] | takes 16 bytes as F32 [4] but its data_offsets span 4",
                "U8 | [] | [0,4] | takes 1 bytes",
                "U8 | [4] | [4,0] | begin <= end",
                "U8 | [4] | [0] | begin <= end",
                "U8 | [4] | [0,4,4] | begin <= end",
                "U8 | [4] | [-1,3] | whole numbers",
                "U8 | [4] | [0,4.0] | whole numbers",
                "U8 | [-4] | [0,4] | whole numbers",
                "U8 | [-2,-2] | [0,4] | whole numbers",
                "U8 | [4e0] | [0,4] | whole numbers",
                "U8 | [true] | [0,4] | whole numbers",
                "U8 | [[4]] | [0,4] | whole numbers",
                "U8 | 4 | [0,4] | whole numbers",
                "U8 | [18446744073709551620] | [0,4] | whole numbers",
                "U8 | [4294967296,4294967297] | [0,4] | more than 2^63 bytes",
                "U8 | [4611686018427387904,4611686018427387904,0] | [0,0] | more than 2^63 bytes",
                "F32 | [4611686018427387905] | [0,4] | more than 2^63 bytes",
                "F8_E4M3 | [4] | [0,4] | dtype F8_E4M3, which dpo4j does not read",
                "U16 | [2] | [0,4] | dtype U16, which dpo4j does not read",
                "f32 | [1] | [0,4] | dtype f32, which dpo4j does not read",
            })
    void refusesAWrongTensor(String dtype, String shape, String offsets, String what) throws IOException {
        String header =
                "{\"w\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}";
        assertRefused(RawFile.write(folder.resolve("x"), header, 4), "tensor", what);
    }

    @Test
    void refusesTensorsThatOverlapOrLeaveAHole() throws IOException {
        String both =
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},\"b\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[%d,%d]}}";
        assertRefused(RawFile.write(folder.resolve("x"), both.formatted(4, 2, 6), 6), "'b' starts at byte 2 inside");
        assertRefused(RawFile.write(folder.resolve("x"), both.formatted(3, 0, 3), 3), "'b' starts at byte 0 inside");
        assertRefused(RawFile.write(folder.resolve("x"), both.formatted(0, 1, 1), 3), "inside the tensor before it");
        assertRefused(
                RawFile.write(folder.resolve("x"), both.formatted(2, 4, 6), 6), "hole of 1 bytes before tensor 'b'");
    }

    @Test
    void refusesAShapeThatWouldFillTheHeap() throws IOException {
        String ones = "1,".repeat(1_000_000) + "4";
        assertRefused(
                RawFile.write(folder.resolve("x"), u8("a", 0, 4).replace("[4]", '[' + ones + ']'), 4),
                "shape of more than 64 numbers");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", "\"pt\"", "{\"k\":1}", "{\"k\":null}", "{\"k\":{}}"})
    void refusesMetadataThatIsNotStrings(String metadata) throws IOException {
        assertRefused(RawFile.write(folder.resolve("x"), "{\"__metadata__\":" + metadata + "}", 0), "__metadata__");
    }

    @Test
    void refusesAnUnknownOrMissingKey() throws IOException {
        assertRefused(
                RawFile.write(folder.resolve("x"), u8("a", 0, 4).replace("\"shape\"", "\"strides\""), 4), "'strides'");
        assertRefused(RawFile.write(folder.resolve("x"), "{\"a\":{\"dtype\":\"U8\"}}", 4), "lacks");
    }

    @Test
    void refusesAFileThatIsMissingOrAFolder() {
        assertRefused(folder.resolve("absent"), "no such file");
        assertRefused(folder, "not a regular file");
    }

    @Test
    void keepsAHostileNameWithinOneLine() throws IOException {
        String name = "line\\nbreak\\u001b[31m\\u202e" + "x".repeat(10_000);
        assertRefused(RawFile.write(folder.resolve("x"), u8(name, 0, 9), 4), "'line?break?[31m?xxx", "...'");
    }

    /** 2,000 headers, each one to four random edits away from a good one: each is read or refused, and nothing else happens. */
    @Test
    void refusesOrReadsMutatedHeaders() throws IOException {
        String good =
                "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
                        + "\"b\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[8,9]}}";
        String tokens = "{}[]\",:0123456789-eE.\\\u0000 n";
        SplittableRandom random = new SplittableRandom(20_260_721);
        int read = 0;
        for (int round = 0; round < 2_000; round++) {
            StringBuilder header = new StringBuilder(good);
            for (int edits = random.nextInt(1, 5); edits > 0; edits--) {
                int at = random.nextInt(header.length());
                char token = random.nextInt(4) == 0
                        ? (char) random.nextInt(256)
                        : tokens.charAt(random.nextInt(tokens.length()));
                switch (random.nextInt(4)) {
                    case 0 -> header.setCharAt(at, token);
                    case 1 -> header.insert(at, token);
                    case 2 -> header.deleteCharAt(at);
                    default -> {
                        int to = random.nextInt(at, Math.min(header.length(), at + 40));
                        header.insert(random.nextInt(header.length()), header.substring(at, to));
                    }
                }
            }
            byte[] json = header.toString().getBytes(StandardCharsets.ISO_8859_1);
            long length = random.nextInt(10) == 0 ? random.nextLong() >> random.nextInt(64) : json.length;
            Path file = Files.write(folder.resolve("fuzz"), RawFile.bytes(length, json, new byte[9]));
            Throwable thrown = catchThrowable(() -> readEverything(file));
            if (thrown == null) {
                read++;
            } else {
                assertThat(thrown).as("round %s: %s", round, header).isInstanceOf(UserError.class);
                assertThat(thrown.getMessage()).as("round %s", round).doesNotContain("\n", "\u0000");
            }
        }
        assertThat(read).as("files that are still good").isBetween(20, 1_000);
    }

    private static void readEverything(Path file) {
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            long sum = 0;
            for (TensorInfo tensor : open.tensors().values()) {
                assertThat(tensor.bytes())
                        .isEqualTo(tensor.elements() * tensor.dtype().bytes());
                sum += bytes(open.data(tensor.name())).length;
            }
            assertThat(sum).isEqualTo(9);
        }
    }

    private static void assertRefused(Path file, String... parts) {
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .isInstanceOf(UserError.class)
                .message()
                .startsWith(file + ": ")
                .contains("; ")
                .doesNotContain("\n")
                .contains(parts);
    }

    private static byte[] bytes(MemorySegment segment) {
        return segment.toArray(ValueLayout.JAVA_BYTE);
    }

    private static String u8(String name, long begin, long end) {
        return "{\"%s\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[%d,%d]}}"
                .formatted(name, end - begin, begin, end);
    }
}
