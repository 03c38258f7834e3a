package io.github.dpo4j.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.dpo4j.UserError;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DatasetFilesTest {
    @TempDir
    Path folder;

    @Test
    void linesBlankLinesByteOrderMarkAndWindowsLineEndsAreRead() throws IOException {
        Path file = write("a.jsonl", "\uFEFF" + row("1") + "\r\n\r\n  \n" + row("2"));

        assertThat(read(file).examples()).containsExactly(example(file, 1, "1"), example(file, 4, "2"));
    }

    @Test
    void aJsonArrayGivesItsElementsWhateverTheirLayout() throws IOException {
        Path file = write("a.json", "\n [" + row("[\\\"}\\\\") + " ,\n {\"prompt\": \"2\",\n \"extra\": [{}]\n}\n]\n");

        assertThat(read(file).examples()).containsExactly(example(file, 1, "[\"}\\"), example(file, 2, "2"));
    }

    @Test
    void aJsonFileMayAlsoHoldAnObjectALine() throws IOException {
        Path file = write("a.json", row("1") + "\n" + row("2") + "\n");

        assertThat(read(file).examples()).hasSize(2);
    }

    @Test
    void aBadElementOfAnArrayCostsOnlyItself() throws IOException {
        Path file = write("a.json", "[" + row("1") + ", {\"prompt\": oops}, " + row("3") + "]");

        Rows<PromptExample> rows =
                DatasetReader.skipping(folder.resolve("side")).prompts(List.of(file.toString()));

        assertThat(rows.examples()).containsExactly(example(file, 1, "1"), example(file, 3, "3"));
        assertThat(rows.skipped()).singleElement().extracting(BadRow::raw).isEqualTo("{\"prompt\": oops}");
    }

    @Test
    void anArrayWithoutItsEndIsATruncatedFile() throws IOException {
        Path file = write("a.json", "[" + row("1") + "," + row("2").substring(0, 5));

        assertRefused(
                file, file + ": the file is truncated: it ends after 1 row in the middle of its data; fetch it again");
    }

    @Test
    void textAfterAnArrayIsRefused() throws IOException {
        Path file = write("a.json", "[" + row("1") + "]" + row("2"));

        assertRefused(file, file + ": the file cannot be read after 0 rows (there is more text after the JSON array)");
    }

    @Test
    void gzipIsReadAndATruncatedOneNamesTheRowsBeforeItsEndInBothModes() throws IOException {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 20000; i++) {
            text.append(row(i + " " + Integer.toHexString(i * 0x9E3779B9))).append('\n');
        }
        byte[] bytes = gzip(text.toString());
        Path whole = Files.write(folder.resolve("a.jsonl.gz"), bytes);
        Path half = Files.write(folder.resolve("half.jsonl.gz"), Arrays.copyOf(bytes, bytes.length / 2));

        assertThat(read(whole).examples()).hasSize(20000);
        for (DatasetReader reader : List.of(DatasetReader.failing(), DatasetReader.skipping(folder.resolve("side")))) {
            assertThatExceptionOfType(UserError.class)
                    .isThrownBy(() -> reader.prompts(List.of(half.toString())))
                    .withMessageMatching(
                            "\\Q" + half + "\\E: the file is truncated: it ends after \\d{4,} rows in the middle"
                                    + " of its data; fetch it again");
        }
    }

    @Test
    void aFileThatIsNoGzipInSpiteOfItsNameIsRefused() throws IOException {
        Path file = write("a.jsonl.gz", row("1"));

        assertRefused(file, file + ": the gzip data is damaged after 0 rows (Not in GZIP format); fetch it again");
    }

    @Test
    void aFileWithoutRowsIsRefused() throws IOException {
        for (Path file : List.of(write("a.jsonl", ""), write("b.jsonl", "\n \n"), write("c.json", "[ ]"))) {
            assertRefused(file, file + ": the file holds no rows");
        }
    }

    @Test
    void missingFilesAndUnknownKindsAreRefused() throws IOException {
        Path missing = folder.resolve("none.jsonl");
        Path parquet = write("a.parquet", "PAR1");

        assertRefused(missing, missing + ": there is no such file or folder");
        assertRefused(
                parquet,
                parquet
                        + ": this kind of file is not read; give a file that ends in one of .jsonl, .json, .jsonl.gz and"
                        + " .json.gz");
    }

    @Test
    void aFolderGivesItsDatasetFilesSortedAndPassesOverTheRest() throws IOException {
        write("b.jsonl", row("b"));
        write("a.json", "[" + row("a") + "]");
        write("notes.txt", "no rows");
        write(".hidden.jsonl", "no rows");

        assertThat(prompts(folder.toString())).containsExactly("a", "b");
    }

    @Test
    void aGlobGivesItsFilesSortedAndSeveralArgumentsKeepTheirOrder() throws IOException {
        Files.createDirectories(folder.resolve("x/y"));
        write("x/2.jsonl", row("2"));
        write("x/1.jsonl", row("1"));
        write("x/y/3.jsonl", row("3"));
        write("z.jsonl", row("z"));

        assertThat(prompts(folder + "/z.jsonl", folder + "/x/*.jsonl")).containsExactly("z", "1", "2");
        assertThat(prompts(folder + "/x/**.jsonl")).containsExactly("1", "2", "3");
        assertThat(prompts(folder + "/*/[12].jsonl")).containsExactly("1", "2");
        assertThatExceptionOfType(UserError.class)
                .isThrownBy(() -> prompts(folder + "/q*.jsonl"))
                .withMessage(folder + "/q*.jsonl: no file matches");
    }

    @Test
    void theDigestIsThatOfTheBytesOnDisk() throws IOException {
        // printf '{"prompt":"1"}' | sha256sum
        Path plain = write("a.jsonl", "{\"prompt\":\"1\"}");

        assertThat(read(plain).files())
                .containsExactly(
                        new DatasetFile(plain, "72e59229187942f262dad07c08ea420d7aad45d4ba65a1e2953b4e060d113540", 1));
    }

    private static PromptExample example(Path file, long line, String prompt) {
        return new PromptExample.Plain(new Origin(file, line), prompt);
    }

    private static String row(String prompt) {
        return "{\"prompt\":\"" + prompt + "\"}";
    }

    private Path write(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }

    private static Rows<PromptExample> read(Path file) {
        return DatasetReader.failing().prompts(List.of(file.toString()));
    }

    private static List<String> prompts(String... datasets) {
        return DatasetReader.failing().prompts(List.of(datasets)).examples().stream()
                .map(example -> ((PromptExample.Plain) example).prompt())
                .toList();
    }

    private static void assertRefused(Path file, String message) {
        assertThatExceptionOfType(UserError.class).isThrownBy(() -> read(file)).withMessage(message);
    }

    private static byte[] gzip(String text) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }
}
