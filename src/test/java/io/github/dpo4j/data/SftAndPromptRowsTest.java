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

final class SftAndPromptRowsTest {
    private static final String TRANSCRIPTS =
            "{\"chosen\":\"\\n\\nHuman: Hi\\n\\nAssistant: Hello.\",\"rejected\":\"\\n\\nHuman: Hi\\n\\nAssistant: No.\"}";
    private static final String CHAT_PAIR = """
            {"chosen":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello."}],\
            "rejected":[{"role":"user","content":"Hi"},{"role":"assistant","content":"No."}]}""";

    @TempDir
    Path folder;

    private final Message hi = Message.of("user", "Hi");
    private final Message hello = Message.of("assistant", "Hello.");

    @Test
    void textIsLearnedWhole() throws IOException {
        assertThat(sft("{\"text\":\"Once.\"}")).isEqualTo(new SftExample.Text(origin(), "Once."));
    }

    @Test
    void ofAPromptWithACompletionTheCompletionIsLearned() throws IOException {
        assertThat(sft("{\"prompt\":\"Hi\",\"completion\":\"Hello.\"}"))
                .isEqualTo(new SftExample.Completion(origin(), "Hi", "Hello."));
        assertThat(sft("""
                {"prompt":[{"role":"user","content":"Hi"}],"completion":[{"role":"assistant","content":"Hello."}]}""")).isEqualTo(new SftExample.ChatCompletion(origin(), List.of(hi), List.of(hello), null));
    }

    @Test
    void aConversationIsLearnedWhole() throws IOException {
        assertThat(sft("""
                {"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello."}]}""")).isEqualTo(new SftExample.Chat(origin(), List.of(hi, hello), null));
    }

    @Test
    void ofAPreferencePairTheChosenCompletionIsLearned() throws IOException {
        assertThat(sft(TRANSCRIPTS))
                .isEqualTo(new SftExample.Completion(origin(), "\n\nHuman: Hi\n\nAssistant:", " Hello."));
        assertThat(sft(CHAT_PAIR))
                .isEqualTo(new SftExample.ChatCompletion(origin(), List.of(hi), List.of(hello), null));
    }

    @Test
    void aRowWithNothingToLearnIsBad() {
        assertBad("{\"prompt\":\"Hi\"}", "the row has none of `text`, `messages`");
        assertBad("{\"text\":null}", "`text` is null");
        assertBad("{\"text\":\"\"}", "`text` is empty");
        assertBad("{\"prompt\":\"Hi\",\"completion\":\"\"}", "`completion` is empty");
        assertBad("{\"completion\":\"Hello.\"}", "the row has no `prompt` column");
        assertBad("{\"prompt\":\"Hi\",\"completion\":[{\"role\":\"assistant\"}]}", "one is text and the other a list");
    }

    @Test
    void promptsComeFromPromptsConversationsAndPairs() throws IOException {
        assertThat(prompt("{\"prompt\":\"Hi\",\"chosen\":\"x\"}")).isEqualTo(new PromptExample.Plain(origin(), "Hi"));
        assertThat(prompt("{\"prompt\":[{\"role\":\"user\",\"content\":\"Hi\"}]}"))
                .isEqualTo(new PromptExample.Chat(origin(), List.of(hi), null));
        assertThat(prompt("{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}"))
                .isEqualTo(new PromptExample.Chat(origin(), List.of(hi), null));
        assertThat(prompt(TRANSCRIPTS)).isEqualTo(new PromptExample.Plain(origin(), "\n\nHuman: Hi\n\nAssistant:"));
        assertThat(prompt(CHAT_PAIR)).isEqualTo(new PromptExample.Chat(origin(), List.of(hi), null));
    }

    private void assertBad(String row, String reason) {
        assertThatExceptionOfType(UserError.class).isThrownBy(() -> sft(row)).withMessageContaining(reason);
    }

    private Origin origin() {
        return new Origin(folder.resolve("rows.jsonl"), 1);
    }

    private SftExample sft(String row) throws IOException {
        Files.writeString(folder.resolve("rows.jsonl"), row);
        return DatasetReader.failing()
                .sft(List.of(folder.resolve("rows.jsonl").toString()))
                .examples()
                .getFirst();
    }

    private PromptExample prompt(String row) throws IOException {
        Files.writeString(folder.resolve("rows.jsonl"), row);
        return DatasetReader.failing()
                .prompts(List.of(folder.resolve("rows.jsonl").toString()))
                .examples()
                .getFirst();
    }
}
