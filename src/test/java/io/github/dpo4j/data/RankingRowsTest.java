package io.github.dpo4j.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class RankingRowsTest {
    @TempDir
    Path folder;

    private RankedExample read(String row) throws IOException {
        Path file = Files.writeString(folder.resolve("rows.jsonl"), row + "\n");
        return DatasetReader.failing()
                .rankings(List.of(file.toString()))
                .examples()
                .getFirst();
    }

    private List<String> texts(String row) throws IOException {
        RankedExample.Plain plain = (RankedExample.Plain) read(row);
        assertThat(plain.prompt()).isEqualTo("2+2=");
        return plain.completions();
    }

    @Test
    void completionsStandInOrderOfPreference() throws IOException {
        assertThat(texts("{\"prompt\":\"2+2=\",\"completions\":[\"4\",\"5\",\"9\"]}"))
                .containsExactly("4", "5", "9");
    }

    @Test
    void ranksPutThemInOrderTheLowestFirst() throws IOException {
        assertThat(texts("{\"prompt\":\"2+2=\",\"completions\":[\"9\",\"4\",\"5\"],\"ranks\":[7,-1,2.5]}"))
                .containsExactly("4", "5", "9");
        assertThat(texts("{\"prompt\":\"2+2=\",\"completions\":[\"4\",\"5\"],\"ranks\":null}"))
                .containsExactly("4", "5");
    }

    @Test
    void aPairIsARankingOfTwo() throws IOException {
        assertThat(texts("{\"prompt\":\"2+2=\",\"chosen\":\"4\",\"rejected\":\"5\"}"))
                .containsExactly("4", "5");
    }

    /** A table that holds rows of both shapes has every column in each. */
    @Test
    void aColumnOfTheOtherShapeThatIsNullDoesNotCount() throws IOException {
        assertThat(texts("{\"prompt\":\"2+2=\",\"chosen\":\"4\",\"rejected\":\"5\",\"completions\":null}"))
                .containsExactly("4", "5");
        assertThat(texts("{\"prompt\":\"2+2=\",\"chosen\":null,\"rejected\":null,\"completions\":[\"4\",\"5\"]}"))
                .containsExactly("4", "5");
    }

    @Test
    void conversationsAreRankedToo() throws IOException {
        RankedExample.Chat chat = (RankedExample.Chat) read("""
                {"prompt":[{"role":"user","content":"2+2?"}],"ranks":[2,1,3],"completions":\
                [[{"role":"assistant","content":"5"}],[{"role":"assistant","content":"4"}],[{"role":"assistant","content":"no"}]]}""");
        assertThat(chat.prompt()).hasSize(1);
        assertThat(chat.completions())
                .extracting(messages -> messages.getFirst().content())
                .containsExactly("4", "5", "no");
        assertThat(chat.size()).isEqualTo(3);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', textBlock = """
            {"prompt":"a","completions":"b"}                                    ~ `completions` must be a list
            {"prompt":"a","completions":[]}                                     ~ has 0 elements but a ranking needs two
            {"prompt":"a","completions":["b"]}                                  ~ has 1 element but a ranking needs two
            {"prompt":"a","completions":["b","c","b"]}                          ~ two of `completions` are equal
            {"prompt":"a","completions":["b",7]}                                ~ each of `completions` must be text
            {"prompt":"a","completions":["b",[{"role":"x"}]]}                   ~ each of `completions` must be text
            {"prompt":[{"role":"user"}],"completions":["b","c"]}                ~ each of `completions` must be a list of messages
            {"prompt":"a","completions":null}                                   ~ `completions` is null
            {"completions":["b","c"]}                                           ~ the row has no `prompt` column
            {"prompt":"a","completions":["b","c"],"ranks":[1]}                  ~ `ranks` has 1 elements for 2 completions
            {"prompt":"a","completions":["b","c"],"ranks":[2,2]}                ~ `ranks` holds 2 twice
            {"prompt":"a","completions":["b","c"],"ranks":[1,NaN]}              ~ must hold finite numbers
            {"prompt":"a","completions":["b","c"],"ranks":["1","2"]}            ~ must hold finite numbers
            {"prompt":[{"role":"user"}],"completions":[[],[{"role":"x"}]]}      ~ `completions` is an empty list
            {"prompt":"a","chosen":"b"}                                         ~ the row has no `rejected` column
            """)
    void eachBadRowSaysInASentenceWhatIsWrong(String row, String reason) {
        assertThatExceptionOfType(UserError.class)
                .isThrownBy(() -> read(row))
                .withMessageContaining("rows.jsonl:1: ")
                .withMessageContaining(reason)
                .withMessageNotContaining("\n");
    }

    @Test
    void aLossOnPairsNamesTheOneThatTakesRankings() throws IOException {
        Path file = Files.writeString(
                folder.resolve("r.jsonl"), "{\"prompt\":\"a\",\"chosen\":null,\"completions\":[\"b\",\"c\"]}\n");
        assertThatExceptionOfType(UserError.class)
                .isThrownBy(() -> DatasetReader.failing().preferences(List.of(file.toString())))
                .withMessageContaining("plackett_luce");
    }
}
