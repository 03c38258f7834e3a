package io.github.dpo4j.text;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dpo4j.data.Message;
import io.github.dpo4j.data.Origin;
import io.github.dpo4j.data.PromptExample;
import io.github.dpo4j.data.SftExample;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class SftTokenizerTest {
    private static final Origin ORIGIN = new Origin(Path.of("rows.jsonl"), 7);

    private final Tokenizer tokenizer;

    SftTokenizerTest() throws IOException {
        tokenizer = Golden.of("llama3").tokenizer();
    }

    @AfterEach
    void close() {
        tokenizer.close();
    }

    @Test
    void allOfATextAfterItsFirstTokenIsScored() {
        TokenizedCompletion text = only(new SftExample.Text(ORIGIN, "a b"), OptionalInt.empty());

        assertThat(text.promptIds()).containsExactly(0);
        assertThat(text.completionIds()).isEqualTo(tokenizer.encodeRaw("a b<|eot_id|>"));
    }

    @Test
    void ofAPromptWithACompletionTheCompletionAndItsEosAreScored() {
        TokenizedCompletion pair = only(new SftExample.Completion(ORIGIN, "a b", " c"), OptionalInt.empty());

        assertThat(pair.promptIds()).isEqualTo(tokenizer.encode("a b"));
        assertThat(pair.completionIds()).isEqualTo(tokenizer.encodeRaw(" c<|eot_id|>"));
    }

    @Test
    void allOfAConversationAfterItsFirstTokenIsScoredWithoutAnotherEos() {
        List<Message> messages = List.of(Message.of("user", "Hi"), Message.of("assistant", "Yes"));
        TokenizedCompletion chat = only(new SftExample.Chat(ORIGIN, messages, null), OptionalInt.empty());

        assertThat(chat.promptIds()).containsExactly(0);
        assertThat(tokenizer.decode(chat.completionIds(), false))
                .isEqualTo(PairTokenizerTest.llama3(messages, null, false).substring("<|begin_of_text|>".length()));
    }

    @Test
    void ofAConversationWithAPromptTheCompletionTurnsAreScored() {
        TokenizedCompletion chat = only(
                new SftExample.ChatCompletion(
                        ORIGIN, List.of(Message.of("user", "Hi")), List.of(Message.of("assistant", "Yes")), null),
                OptionalInt.empty());

        assertThat(tokenizer.decode(chat.promptIds(), false)).endsWith("assistant<|end_header_id|>\n\n");
        assertThat(tokenizer.decode(chat.completionIds(), false)).isEqualTo("Yes<|eot_id|>");
    }

    @Test
    void sequencesKeepTheirStartAndThoseWithNothingScoredAreDropped() {
        SftExample shortPrompt = new SftExample.Completion(ORIGIN, "a", " b c d");
        SftExample longPrompt = new SftExample.Completion(ORIGIN, "a b c", " d");

        TokenizedCompletions result = tokenize(OptionalInt.of(4), shortPrompt, longPrompt);

        assertThat(result.completions()).hasSize(1);
        assertThat(result.completions().getFirst().completionIds()).isEqualTo(tokenizer.encodeRaw(" b c"));
        assertThat(result.report().truncated()).isEqualTo(1);
        assertThat(result.report().dropped()).containsExactly(Map.entry(DropReason.PROMPT_TOO_LONG, 1L));
        assertThat(result.report().summary())
                .isEqualTo("1 of 2 examples, 1 truncated, dropped: 1 prompt fills the length (first: rows.jsonl:7)");
    }

    @Test
    void plainAndConversationalRowsMayBeMixed() {
        TokenizedCompletions result = tokenize(
                OptionalInt.empty(),
                new SftExample.Chat(ORIGIN, List.of(Message.of("user", "Hi")), null),
                new SftExample.Completion(ORIGIN, "a", " b"),
                new SftExample.Text(ORIGIN, "c"));

        assertThat(result.completions()).hasSize(3);
        assertThat(result.completions().get(1).promptIds()).isEqualTo(tokenizer.encode("a"));
        assertThat(result.completions().get(2).completionIds()).isEqualTo(tokenizer.encodeRaw("c<|eot_id|>"));
    }

    @Test
    void promptsToContinueAreEncodedWithBosOrRenderedWithTheAssistantsOpening() {
        PromptTokenizer prompts = new PromptTokenizer(tokenizer, PairTokenizerTest::llama3);

        assertThat(prompts.encode(new PromptExample.Plain(ORIGIN, "a b"))).isEqualTo(tokenizer.encode("a b"));
        assertThat(tokenizer.decode(
                        prompts.encode(new PromptExample.Chat(ORIGIN, List.of(Message.of("user", "Hi")), null)), false))
                .isEqualTo(PairTokenizerTest.llama3(List.of(Message.of("user", "Hi")), null, true));
    }

    private TokenizedCompletion only(SftExample example, OptionalInt maxLength) {
        return tokenize(maxLength, example).completions().getFirst();
    }

    private TokenizedCompletions tokenize(OptionalInt maxLength, SftExample... examples) {
        return new SftTokenizer(tokenizer, PairTokenizerTest::llama3, maxLength).tokenize(List.of(examples));
    }
}
