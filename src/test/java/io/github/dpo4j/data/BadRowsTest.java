package io.github.dpo4j.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.dpo4j.UserError;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class BadRowsTest {
    private static final String GOOD = "{\"prompt\":\"a\",\"chosen\":\"b\",\"rejected\":\"c\"}\n";

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource(delimiter = '~', textBlock = """
            {"prompt":"a"                                                       ~ the row is not valid JSON
            [1, 2]                                                              ~ the row is not a JSON object
            {"prompt":"a","chosen":"b"}                                         ~ the row has no `rejected` column
            {"prompt":"a","chosen":null,"rejected":"c"}                         ~ `chosen` is null
            {"prompt":null,"chosen":"b","rejected":"c"}                         ~ `prompt` is null
            {"prompt":"a","chosen":1,"rejected":"c"}                            ~ `chosen` is a number
            {"prompt":"a","chosen":true,"rejected":"c"}                         ~ `chosen` is a boolean
            {"prompt":{},"chosen":"b","rejected":"c"}                           ~ `prompt` is an object
            {"prompt":"a","chosen":"b","rejected":"b"}                          ~ `chosen` equals `rejected`
            {"prompt":"a","chosen":"","rejected":""}                            ~ `chosen` and `rejected` are both empty
            {"prompt":"a","chosen":"b","rejected":[{"role":"assistant"}]}       ~ `chosen` is text but `rejected` is a list
            {"prompt":[{"role":"user"}],"chosen":"b","rejected":"c"}            ~ `prompt` is a list of messages but
            {"prompt":"a","chosen":[{"role":"x"}],"rejected":[{"role":"y"}]}    ~ `prompt` is text but
            {"chosen":[{"role":"x"}],"rejected":[{"role":"y"}]}                 ~ share no first message
            {"prompt":[],"chosen":[{"role":"x"}],"rejected":[{"role":"y"}]}     ~ `prompt` is an empty list
            {"chosen":[],"rejected":[{"role":"y"}]}                             ~ `chosen` is an empty list
            {"chosen":["hi"],"rejected":[{"role":"y"}]}                         ~ message 1 of `chosen` is text
            {"chosen":[{"content":"hi"}],"rejected":[{"role":"y"}]}             ~ message 1 of `chosen` has no role
            {"chosen":[{"role":"x","content":7}],"rejected":[{"role":"y"}]}     ~ has a content that is a number
            {"chosen":"\\n\\nHuman: a\\n\\nAssistant: b","rejected":"\\n\\nHuman: c\\n\\nAssistant: d"} ~ they share no prompt
            """)
    void eachBadRowSaysInASentenceWhatIsWrong(String row, String reason) throws IOException {
        Path file = Files.writeString(folder.resolve("rows.jsonl"), GOOD + "\n" + row + "\n" + GOOD);

        assertThatExceptionOfType(UserError.class)
                .isThrownBy(() -> DatasetReader.failing().preferences(List.of(file.toString())))
                .withMessageStartingWith(file + ":3: ")
                .withMessageContaining(reason)
                .withMessageContaining("--on-bad-row skip")
                .withMessageNotContaining("\n");
    }

    @Test
    void skippedRowsAreCountedAndWrittenToASideFileWithTheirReasons() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.write(GOOD.getBytes(StandardCharsets.UTF_8));
        bytes.write("{\"prompt\":\"a\",\"chosen\":\"b\"}\n".getBytes(StandardCharsets.UTF_8));
        bytes.write("{\"prompt\":\"".getBytes(StandardCharsets.UTF_8));
        bytes.write(0xFF);
        bytes.write("\",\"chosen\":\"b\",\"rejected\":\"c\"}\n".getBytes(StandardCharsets.UTF_8));
        bytes.write(GOOD.getBytes(StandardCharsets.UTF_8));
        Path file = Files.write(folder.resolve("rows.jsonl"), bytes.toByteArray());
        Path side = folder.resolve("run").resolve("skipped.jsonl");

        Rows<PreferenceExample> rows = DatasetReader.skipping(side).preferences(List.of(file.toString()));

        assertThat(rows.examples()).extracting(row -> row.origin().line()).containsExactly(1L, 4L);
        assertThat(rows.skipped())
                .extracting(BadRow::toString)
                .containsExactly(
                        file + ":2: the row has no `rejected` column", file + ":3: the row is not valid UTF-8");
        List<JsonNode> written = new ArrayList<>();
        for (String line : Files.readAllLines(side)) {
            written.add(new ObjectMapper().readTree(line));
        }
        assertThat(written).hasSize(2);
        assertThat(written.getFirst().path("file").asText()).isEqualTo(file.toString());
        assertThat(written.getFirst().path("line").asLong()).isEqualTo(2);
        assertThat(written.getFirst().path("reason").asText()).isEqualTo("the row has no `rejected` column");
        assertThat(written.getFirst().path("row").asText()).isEqualTo("{\"prompt\":\"a\",\"chosen\":\"b\"}");
        assertThat(written.getLast().path("row").asText()).contains("\uFFFD");
    }

    @Test
    void aSideFileOfAnOlderRunIsEmptiedWhenNothingIsSkipped() throws IOException {
        Path file = Files.writeString(folder.resolve("rows.jsonl"), GOOD);
        Path side = Files.writeString(folder.resolve("skipped.jsonl"), "old\n");

        DatasetReader.skipping(side).preferences(List.of(file.toString()));

        assertThat(side).isEmptyFile();
    }

    @Test
    void aDatasetOfWhichEveryRowIsSkippedIsRefusedAfterTheSideFileIsWritten() throws IOException {
        Path file = Files.writeString(folder.resolve("rows.jsonl"), "{}\n{}\n");
        Path side = folder.resolve("skipped.jsonl");

        assertThatExceptionOfType(UserError.class)
                .isThrownBy(() -> DatasetReader.skipping(side).preferences(List.of(file.toString())))
                .withMessage("every one of the 2 rows was skipped, the first because: " + file
                        + ":1: the row has no `chosen` column");
        assertThat(Files.readAllLines(side)).hasSize(2);
    }

    @Test
    void aRowBeyondTheLimitIsBadAndTheNextOneIsRead() throws IOException {
        Path file = Files.writeString(folder.resolve("rows.jsonl"), "{\"long\":\"" + "x".repeat(5000) + "\"}\n{}\n");
        try (RowSource source = RowSource.open(file, 4000)) {
            RowSource.RawRow first = Objects.requireNonNull(source.next());
            RowSource.RawRow second = Objects.requireNonNull(source.next());

            assertThat(first.tooLong()).isTrue();
            assertThat(first.bytes()).hasSize(1024);
            assertThat(second.tooLong()).isFalse();
            assertThat(second.line()).isEqualTo(2);
        }
    }
}
