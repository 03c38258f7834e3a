package io.github.dpo4j.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.data.DatasetReader;
import io.github.dpo4j.data.Message;
import io.github.dpo4j.data.Origin;
import io.github.dpo4j.data.PreferenceExample;
import io.github.dpo4j.data.PromptExample;
import io.github.dpo4j.data.RankedExample;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class PairTokenizerTest {
    private static final Origin ORIGIN = new Origin(Path.of("rows.jsonl"), 7);
    private static final ConversationRenderer NO_TEMPLATE = ConversationRenderer.absent(Path.of("model"));

    @ParameterizedTest
    @ValueSource(strings = {"llama", "llama3", "gpt2", "gpt_neox"})
    void plainPairsAreTokenizedAsTrlDoes(String family) throws IOException {
        Golden golden = Golden.of(family);
        try (Tokenizer tokenizer = golden.tokenizer()) {
            assertGolden(
                    golden,
                    "preferences.jsonl",
                    "tokenized",
                    new PairTokenizer(tokenizer, NO_TEMPLATE, Truncation.NONE));
        }
    }

    @Test
    void conversationsAreTokenizedAsTrlDoes() throws IOException {
        Golden golden = Golden.of("llama3");
        try (Tokenizer tokenizer = golden.tokenizer()) {
            assertGolden(
                    golden,
                    "conversations.jsonl",
                    "tokenized_conversations",
                    new PairTokenizer(tokenizer, PairTokenizerTest::llama3, Truncation.NONE));
        }
    }

    private static void assertGolden(Golden golden, String rows, String key, PairTokenizer pairTokenizer) {
        TokenizedPairs result = pairTokenizer.tokenize(DatasetReader.failing()
                .preferences(List.of(golden.folder().resolve(rows).toString()))
                .examples());
        JsonNode expected = golden.values().path(key);

        assertThat(result.pairs()).hasSize(expected.size()).isNotEmpty();
        for (int i = 0; i < expected.size(); i++) {
            TokenizedPair pair = result.pairs().get(i);
            JsonNode ids = expected.path(i);
            assertThat(pair.promptIds()).isEqualTo(Golden.ids(ids.path("prompt_ids")));
            assertThat(pair.chosenIds()).isEqualTo(Golden.ids(ids.path("chosen_ids")));
            assertThat(pair.rejectedIds()).isEqualTo(Golden.ids(ids.path("rejected_ids")));
        }
        assertThat(result.report().cutAtBoundary()).isZero();
    }

    @Test
    void eosIsNotAppendedTwice() throws IOException {
        try (Tokenizer tokenizer = Golden.of("gpt2").tokenizer()) {
            TokenizedPair pair = only(tokenizer, Truncation.NONE, plain("ab", " c<|endoftext|>", " d"));

            assertThat(pair.chosenIds()).endsWith(0).hasSize(2);
            assertThat(pair.rejectedIds()).endsWith(0).hasSize(2);
        }
    }

    @Test
    void aPromptWhoseLastTokenMergesWithACompletionEndsAtTheLastCommonToken() throws IOException {
        try (Tokenizer tokenizer = Golden.of("gpt2").tokenizer()) {
            PreferenceExample example = plain("There was a lit", "tle girl", " x");
            TokenizedPairs result = tokenize(tokenizer, Truncation.NONE, example);
            TokenizedPair pair = result.pairs().getFirst();

            assertThat(join(pair.promptIds(), pair.chosenIds()))
                    .isEqualTo(tokenizer.encode("There was a little girl<|endoftext|>"));
            assertThat(join(pair.promptIds(), pair.rejectedIds()))
                    .isEqualTo(tokenizer.encode("There was a lit x<|endoftext|>"));
            assertThat(pair.promptIds()).isEqualTo(tokenizer.encode("There was a"));
            assertThat(result.report().cutAtBoundary()).isEqualTo(1);
            assertThat(result.report().firstCutAtBoundary()).containsExactly(ORIGIN);
            assertThat(result.report().summary())
                    .isEqualTo(
                            "1 of 1 examples, 1 with tokens merged across prompt and completion (first: rows.jsonl:7)");
        }
    }

    @Test
    void anEosThatTheTokenizerAddsToEveryTextIsNoPartOfThePrompt(@TempDir Path folder) throws IOException {
        Path policy = Golden.of("gpt2").folder().resolve("policy");
        ObjectNode json = SpecialTokens.readObject(policy.resolve("tokenizer.json"));
        ObjectNode processor = json.putObject("post_processor").put("type", "TemplateProcessing");
        for (String template : List.of("single", "pair")) {
            ArrayNode parts = processor.putArray(template);
            parts.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
            if (template.equals("pair")) {
                parts.addObject().putObject("Sequence").put("id", "B").put("type_id", 0);
            }
            parts.addObject()
                    .putObject("SpecialToken")
                    .put("id", "<|endoftext|>")
                    .put("type_id", 0);
        }
        ObjectNode eos =
                processor.putObject("special_tokens").putObject("<|endoftext|>").put("id", "<|endoftext|>");
        eos.putArray("ids").add(0);
        eos.putArray("tokens").add("<|endoftext|>");
        new ObjectMapper().writeValue(folder.resolve("tokenizer.json").toFile(), json);
        Files.copy(policy.resolve("tokenizer_config.json"), folder.resolve("tokenizer_config.json"));

        try (Tokenizer tokenizer = Tokenizer.of(folder)) {
            TokenizedPairs result = tokenize(tokenizer, Truncation.NONE, plain("a b", " c", " d"));
            TokenizedPair pair = result.pairs().getFirst();

            assertThat(tokenizer.encode("a b")).endsWith(0);
            assertThat(pair.promptIds()).isEqualTo(tokenizer.encodeRaw("a b"));
            // Twice, as TRL has it: once appended to the text, once added by the tokenizer.
            assertThat(pair.chosenIds()).isEqualTo(tokenizer.encodeRaw(" c<|endoftext|><|endoftext|>"));
            assertThat(result.report().cutAtBoundary()).isEqualTo(1);
            assertThat(new PromptTokenizer(tokenizer, NO_TEMPLATE).encode(new PromptExample.Plain(ORIGIN, "a b")))
                    .isEqualTo(tokenizer.encodeRaw("a b"));
        }
    }

    @Test
    void aPairWithNothingInCommonIsDropped() throws IOException {
        try (Tokenizer tokenizer = Golden.of("gpt2").tokenizer()) {
            TokenizedPairs result = tokenize(tokenizer, Truncation.NONE, plain("", "a", "b"));

            assertThat(result.pairs()).isEmpty();
            assertThat(result.report().dropped()).containsOnlyKeys(DropReason.NO_PROMPT_TOKEN);
            assertThat(result.report().summary())
                    .isEqualTo(
                            "0 of 1 examples, dropped: 1 no common first token to condition on (first: rows.jsonl:7)");
        }
    }

    @Test
    void keepStartCutsTheEndsOfCompletions() throws IOException {
        try (Tokenizer tokenizer = Golden.of("gpt2").tokenizer()) {
            TokenizedPairs result =
                    tokenize(tokenizer, Truncation.keepStart(4), plain("a b", " c d e", " f")); // 2 + 4 and 2 + 2 ids
            TokenizedPair pair = result.pairs().getFirst();

            assertThat(pair.promptIds()).isEqualTo(tokenizer.encode("a b")).hasSize(2);
            assertThat(pair.chosenIds()).isEqualTo(tokenizer.encode(" c d"));
            assertThat(pair.rejectedIds()).isEqualTo(tokenizer.encode(" f<|endoftext|>"));
            assertThat(result.report().truncated()).isEqualTo(1);
        }
    }

    @Test
    void keepStartDropsPairsWhosePromptFillsTheLength() throws IOException {
        try (Tokenizer tokenizer = Golden.of("gpt2").tokenizer()) {
            TokenizedPairs result = tokenize(tokenizer, Truncation.keepStart(2), plain("a b", " c", " d"));

            assertThat(result.pairs()).isEmpty();
            assertThat(result.report().dropped()).containsOnlyKeys(DropReason.PROMPT_TOO_LONG);
        }
    }

    @Test
    void pairsThatTruncationMakesEqualAreDropped() throws IOException {
        try (Tokenizer tokenizer = Golden.of("gpt2").tokenizer()) {
            TokenizedPairs result = tokenize(tokenizer, Truncation.keepStart(3), plain("a b", " c d", " c e"));

            assertThat(result.pairs()).isEmpty();
            assertThat(result.report().dropped()).containsOnlyKeys(DropReason.COMPLETIONS_IDENTICAL);
        }
    }

    @Test
    void pairsWithACompletionThatVanishesAreDropped() throws IOException {
        Golden golden = Golden.of("llama3");
        try (Tokenizer tokenizer = golden.tokenizer()) {
            // A template that forgets one of the answers.
            ConversationRenderer forgetful =
                    (messages, _, _) -> messages.getFirst().content() + "<|eot_id|>"
                            + (messages.getLast().content().equals("said") ? "said" : "");
            PreferenceExample example = new PreferenceExample.Chat(
                    ORIGIN,
                    List.of(Message.of("user", "Hi")),
                    List.of(Message.of("assistant", "said")),
                    List.of(Message.of("assistant", "lost")),
                    null);

            TokenizedPairs result = new PairTokenizer(tokenizer, forgetful, Truncation.NONE).tokenize(List.of(example));

            assertThat(result.report().dropped()).containsOnlyKeys(DropReason.COMPLETION_EMPTY);
        }
    }

    @Test
    void keepEndCutsThePromptsBeginningForTheLongerCompletionAndKeepsOnePrompt() throws IOException {
        try (Tokenizer tokenizer = Golden.of("gpt2").tokenizer()) {
            TokenizedPair pair =
                    only(tokenizer, Truncation.keepEnd(6), plain("a b c d", " e f g", " h")); // 4 + 4 and 4 + 2 ids

            assertThat(pair.promptIds()).isEqualTo(tokenizer.encode(" c d"));
            assertThat(pair.chosenIds()).isEqualTo(tokenizer.encode(" e f g<|endoftext|>"));
            assertThat(pair.rejectedIds()).isEqualTo(tokenizer.encode(" h<|endoftext|>"));
        }
    }

    @Test
    void keepEndKeepsOnePromptTokenAndThenCutsTheCompletionsEnd() throws IOException {
        try (Tokenizer tokenizer = Golden.of("gpt2").tokenizer()) {
            TokenizedPair pair = only(tokenizer, Truncation.keepEnd(3), plain("a b c d", " e f g", " h"));

            assertThat(pair.promptIds()).isEqualTo(tokenizer.encode(" d"));
            assertThat(pair.chosenIds()).isEqualTo(tokenizer.encode(" e f"));
            assertThat(pair.rejectedIds()).isEqualTo(tokenizer.encode(" h<|endoftext|>"));
        }
    }

    @Test
    void aPromptLimitKeepsTheEndThatTheModeNames() throws IOException {
        try (Tokenizer tokenizer = Golden.of("gpt2").tokenizer()) {
            PreferenceExample example = plain("a b c d", " e", " f");
            Truncation start = new Truncation(TruncationMode.KEEP_START, OptionalInt.empty(), OptionalInt.of(2));
            Truncation end = new Truncation(TruncationMode.KEEP_END, OptionalInt.empty(), OptionalInt.of(2));

            assertThat(only(tokenizer, start, example).promptIds()).isEqualTo(tokenizer.encode("a b"));
            assertThat(only(tokenizer, end, example).promptIds()).isEqualTo(tokenizer.encode(" c d"));
        }
    }

    @Test
    void lengthsThatLeaveNothingToScoreAreRefused() {
        assertThatExceptionOfType(UserError.class)
                .isThrownBy(() -> Truncation.keepStart(1))
                .withMessageContaining("max_length is 1 but must be at least 2");
    }

    @Test
    void aPromptThatEndsWithAnAssistantTurnIsCutWhereTheTemplateStopsAgreeing() throws IOException {
        try (Tokenizer tokenizer = Golden.of("llama3").tokenizer()) {
            PreferenceExample example = new PreferenceExample.Chat(
                    ORIGIN,
                    List.of(Message.of("user", "Hi"), Message.of("assistant", "Yes")),
                    List.of(Message.of("user", "more")),
                    List.of(Message.of("user", "less")),
                    null);
            TokenizedPairs result =
                    new PairTokenizer(tokenizer, PairTokenizerTest::llama3, Truncation.NONE).tokenize(List.of(example));
            TokenizedPair pair = result.pairs().getFirst();

            assertThat(result.report().cutAtBoundary()).isEqualTo(1);
            assertThat(tokenizer.decode(pair.promptIds(), false)).endsWith("Yes<|eot_id|><|start_header_id|>");
            assertThat(tokenizer.decode(pair.chosenIds(), false)).isEqualTo("user<|end_header_id|>\n\nmore<|eot_id|>");
        }
    }

    @Test
    void conversationsWithoutATemplateAreRefusedWithTheRowAndTheRemedy() throws IOException {
        try (Tokenizer tokenizer = Golden.of("gpt2").tokenizer()) {
            PreferenceExample example = new PreferenceExample.Chat(
                    ORIGIN,
                    List.of(Message.of("user", "Hi")),
                    List.of(Message.of("assistant", "a")),
                    List.of(Message.of("assistant", "b")),
                    null);

            assertThatExceptionOfType(UserError.class)
                    .isThrownBy(() -> tokenize(tokenizer, Truncation.NONE, example))
                    .withMessageStartingWith("rows.jsonl:7: model has no chat template")
                    .withMessageContaining("chat_template.jinja");
        }
    }

    private static TokenizedRankings rankings(Tokenizer tokenizer, Truncation truncation, String... completions) {
        RankedExample example = new RankedExample.Plain(ORIGIN, "There was a", List.of(completions));
        return new RankingTokenizer(tokenizer, NO_TEMPLATE, truncation).tokenize(List.of(example));
    }

    @Test
    void rankedCompletionsAreTokenizedLikeThoseOfPairs() throws IOException {
        try (Tokenizer tokenizer = Golden.of("gpt2").tokenizer()) {
            TokenizedRanking three = rankings(tokenizer, Truncation.NONE, " little girl", " dog", " big cat")
                    .rankings()
                    .getFirst();
            TokenizedPair first = only(tokenizer, Truncation.NONE, plain("There was a", " little girl", " dog"));
            TokenizedPair second = only(tokenizer, Truncation.NONE, plain("There was a", " little girl", " big cat"));
            assertThat(three.promptIds()).isEqualTo(first.promptIds());
            assertThat(three.completions().get(0)).isEqualTo(first.chosenIds());
            assertThat(three.completions().get(1)).isEqualTo(first.rejectedIds());
            assertThat(three.completions().get(2)).isEqualTo(second.rejectedIds());
        }
    }

    @Test
    void aRankingInWhichTwoCompletionsBecomeEqualIsDropped() throws IOException {
        try (Tokenizer tokenizer = Golden.of("gpt2").tokenizer()) {
            int prompt = tokenizer.encode("There was a").length;
            TokenizedRankings cut =
                    rankings(tokenizer, Truncation.keepStart(prompt + 1), " dog", " cat and a dog", " dog and a cat");
            assertThat(cut.rankings()).isEmpty();
            assertThat(cut.report().dropped()).containsKey(DropReason.COMPLETIONS_IDENTICAL);
        }
    }

    private static PreferenceExample plain(String prompt, String chosen, String rejected) {
        return new PreferenceExample.Plain(ORIGIN, prompt, chosen, rejected);
    }

    private static TokenizedPairs tokenize(Tokenizer tokenizer, Truncation truncation, PreferenceExample example) {
        return new PairTokenizer(tokenizer, NO_TEMPLATE, truncation).tokenize(List.of(example));
    }

    private static TokenizedPair only(Tokenizer tokenizer, Truncation truncation, PreferenceExample example) {
        return tokenize(tokenizer, truncation, example).pairs().getFirst();
    }

    private static int[] join(int[] first, int[] second) {
        int[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    /** What the golden's template renders, written by hand. */
    static String llama3(List<Message> messages, @Nullable JsonNode tools, boolean addGenerationPrompt) {
        StringBuilder text = new StringBuilder("<|begin_of_text|>");
        for (Message message : messages) {
            text.append("<|start_header_id|>").append(message.role()).append("<|end_header_id|>\n\n");
            text.append(message.content()).append("<|eot_id|>");
        }
        return text + (addGenerationPrompt ? "<|start_header_id|>assistant<|end_header_id|>\n\n" : "");
    }
}
