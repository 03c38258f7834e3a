package io.github.dpo4j.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ChatTemplatesTest {
    private final Path folder;
    private Path config = Path.of("");

    ChatTemplatesTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @BeforeEach
    void nameTheConfig() {
        config = folder.resolve("tokenizer_config.json");
    }

    @Test
    void aFolderMayHaveNone() throws IOException {
        assertThat(ChatTemplates.in(folder)).isEmpty();
        Files.writeString(config, "{\"chat_template\":null}");
        assertThat(ChatTemplates.in(folder)).isEmpty();
    }

    @Test
    void oneTextServesConversationsWithToolsToo() throws IOException {
        Files.writeString(config, "{\"chat_template\":\"text\"}");
        assertThat(ChatTemplates.in(folder)).hasValue(new ChatTemplates("text", "text"));
    }

    @Test
    void ofNamedTemplatesToolUseServesConversationsWithTools() throws IOException {
        Files.writeString(
                config,
                "{\"chat_template\":[{\"name\":\"tool_use\",\"template\":\"t\"},{\"name\":\"rag\",\"template\":\"r\"},"
                        + "{\"name\":\"default\",\"template\":\"d\"}]}");
        assertThat(ChatTemplates.in(folder)).hasValue(new ChatTemplates("d", "t"));
    }

    @Test
    void theirOwnFilesComeBeforeTheConfig() throws IOException {
        Files.writeString(config, "{\"chat_template\":\"text\"}");
        Files.writeString(folder.resolve("chat_template.jinja"), "file");
        assertThat(ChatTemplates.in(folder)).hasValue(new ChatTemplates("file", "file"));

        Path additional = Files.createDirectory(folder.resolve("additional_chat_templates"));
        Files.writeString(additional.resolve("tool_use.jinja"), "tools");
        assertThat(ChatTemplates.in(folder)).hasValue(new ChatTemplates("file", "tools"));
    }

    @Test
    void namesWithoutADefaultAreRefused() throws IOException {
        Files.writeString(config, "{\"chat_template\":[{\"name\":\"rag\",\"template\":\"r\"}]}");
        assertThatExceptionOfType(UserError.class)
                .isThrownBy(() -> ChatTemplates.in(folder))
                .withMessage(
                        config + ": none of the chat templates rag is named default, so it is not known which to use");
        Files.writeString(config, "{\"chat_template\":[1]}");
        assertThatExceptionOfType(UserError.class)
                .isThrownBy(() -> ChatTemplates.in(folder))
                .withMessageStartingWith(config + ": chat_template is neither");
    }
}
