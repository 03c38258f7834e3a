package io.github.dpo4j.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dpo4j.UserError;
import io.github.dpo4j.data.Message;
import io.github.dpo4j.data.Origin;
import io.github.dpo4j.data.PreferenceExample;
import io.github.dpo4j.data.SftExample;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Rows are tokenized by all cores, and nobody can tell. */
class BatchesTest {
    private static final int ROWS = 1500;

    private static Origin origin(int row) {
        return new Origin(Path.of("rows.jsonl"), row + 1L);
    }

    private static String text(int row) {
        return "Once there was a dog" + " who ran".repeat(row % 5) + " home " + row;
    }

    @Test
    void resultsComeInOrderAndFromSeveralBatches() {
        List<Integer> rows = IntStream.range(0, 10_000).boxed().toList();
        List<Integer> seen = new ArrayList<>();
        Set<Integer> sizes = ConcurrentHashMap.newKeySet();
        Batches.inOrder(
                rows,
                batch -> {
                    sizes.add(batch.size());
                    return batch;
                },
                seen::addAll);
        assertThat(seen).isEqualTo(rows);
        assertThat(sizes).allMatch(size -> size < rows.size());
    }

    @Test
    void ofSeveralBadRowsTheFirstIsReported() {
        for (int round = 0; round < 20; round++) {
            assertThatThrownBy(() -> Batches.inOrder(
                            IntStream.range(0, 10_000).boxed().toList(),
                            batch -> {
                                for (int row : batch) {
                                    if (row % 1000 == 999) {
                                        throw new UserError("row " + row + " is bad");
                                    }
                                }
                                return batch;
                            },
                            _ -> {}))
                    .isInstanceOf(UserError.class)
                    .hasMessage("row 999 is bad");
        }
    }

    @Test
    void pairsAreThoseOfTokenizingOneByOneWithTheModelsChatTemplate() throws IOException {
        List<PreferenceExample> examples = new ArrayList<>();
        for (int i = 0; i < ROWS; i++) {
            examples.add(
                    i % 3 == 0
                            ? new PreferenceExample.Plain(origin(i), text(i), " yes " + i, " no")
                            : new PreferenceExample.Chat(
                                    origin(i),
                                    List.of(Message.of("user", text(i))),
                                    List.of(Message.of("assistant", "yes " + i)),
                                    List.of(Message.of("assistant", "no")),
                                    null));
        }
        try (ModelText model = ModelText.of(Golden.of("llama3").folder().resolve("policy"))) {
            assertThat(model.chat()).isTrue();
            PairTokenizer tokenizer = new PairTokenizer(model.tokenizer(), model.renderer(), Truncation.NONE);
            List<TokenizedPair> all = tokenizer.tokenize(examples).pairs();
            assertThat(all).hasSize(ROWS);
            for (int i = 0; i < ROWS; i += 7) {
                TokenizedPair alone =
                        tokenizer.tokenize(List.of(examples.get(i))).pairs().getFirst();
                assertThat(all.get(i).origin()).isEqualTo(origin(i));
                assertThat(all.get(i).promptIds()).isEqualTo(alone.promptIds());
                assertThat(all.get(i).chosenIds()).isEqualTo(alone.chosenIds());
                assertThat(all.get(i).rejectedIds()).isEqualTo(alone.rejectedIds());
            }
        }
    }

    @Test
    void completionsAreThoseOfTokenizingOneByOneWithTheModelsChatTemplate() throws IOException {
        List<SftExample> examples = new ArrayList<>();
        for (int i = 0; i < ROWS; i++) {
            examples.add(
                    i % 2 == 0
                            ? new SftExample.Text(origin(i), text(i))
                            : new SftExample.ChatCompletion(
                                    origin(i),
                                    List.of(Message.of("user", text(i))),
                                    List.of(Message.of("assistant", "yes " + i)),
                                    null));
        }
        try (ModelText model = ModelText.of(Golden.of("llama3").folder().resolve("policy"))) {
            SftTokenizer tokenizer = new SftTokenizer(model.tokenizer(), model.renderer(), OptionalInt.empty());
            List<TokenizedCompletion> all = tokenizer.tokenize(examples).completions();
            assertThat(all).hasSize(ROWS);
            for (int i = 0; i < ROWS; i += 7) {
                TokenizedCompletion alone = tokenizer
                        .tokenize(List.of(examples.get(i)))
                        .completions()
                        .getFirst();
                assertThat(all.get(i).origin()).isEqualTo(origin(i));
                assertThat(all.get(i).promptIds()).isEqualTo(alone.promptIds());
                assertThat(all.get(i).completionIds()).isEqualTo(alone.completionIds());
            }
        }
    }
}
