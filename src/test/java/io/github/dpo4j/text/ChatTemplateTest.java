package io.github.dpo4j.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.data.Message;
import io.github.dpo4j.text.ChatTemplate.SpecialTokens;
import io.github.dpo4j.text.jinja.TemplateException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Test;

class ChatTemplateTest {
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-11-21T09:05:07Z"), ZoneOffset.UTC);
    private static final SpecialTokens TOKENS = SpecialTokens.of("<s>", "</s>");
    private static final List<Message> TALK = List.of(
            Message.of("system", "Be brief."),
            Message.of("user", " Hi\n"),
            Message.of("assistant", "Hello <b>\"you\"</b> \u00e9\ud83d\ude00"));

    private static ChatTemplate template(String source) {
        return ChatTemplate.of(source, TOKENS, CLOCK);
    }

    @Test
    void rendersTheLlama3Template() throws IOException {
        String source = Files.readString(Path.of("src/test/resources/golden/llama3/policy/chat_template.jinja"));
        ChatTemplate template = ChatTemplate.of(source, SpecialTokens.of("<|begin_of_text|>", "<|eot_id|>"), CLOCK);
        String conversation = "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
                + "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\nHello <b>\"you\"</b> \u00e9\ud83d\ude00<|eot_id|>";
        assertThat(template.render(TALK, null, false)).isEqualTo(conversation);
        assertThat(template.render(TALK, null, true))
                .isEqualTo(conversation + "<|start_header_id|>assistant<|end_header_id|>\n\n");
    }

    @Test
    void aConversationOpensWithWhatItsPromptRenders() {
        ChatTemplate template =
                template("{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m['content'] }}{% endfor %}"
                        + "{% if add_generation_prompt %}[assistant]{% endif %}");
        assertThat(template.render(TALK, null, false)).startsWith(template.render(TALK.subList(0, 2), null, true));
    }

    @Test
    void toolsAreNoneOrTheirJson() throws IOException {
        JsonNode tools = new ObjectMapper().readTree("[{\"name\": \"f\", \"n\": 12345678901234567890, \"x\": 1.50}]");
        ChatTemplate template = template("{{ tools is none }} {{ tools | tojson }} {{ documents is none }}");
        assertThat(template.render(TALK, null, false)).isEqualTo("True null True");
        assertThat(template.render(TALK, tools, false))
                .isEqualTo("False [{\"name\": \"f\", \"n\": 12345678901234567890, \"x\": 1.5}] True");
    }

    @Test
    void aMessageKeepsAllItsFieldsInTheirOrder() throws IOException {
        ObjectNode fields = (ObjectNode) new ObjectMapper()
                .readTree("{\"role\": \"assistant\", \"z\": 1, \"content\": null, \"a\": [true, 2.0]}");
        assertThat(template("{{ messages[0] }}{{ messages[0].content is none }}")
                        .render(List.of(new Message(fields)), null, false))
                .isEqualTo("{'role': 'assistant', 'z': 1, 'content': None, 'a': [True, 2.0]}True");
    }

    @Test
    void specialTokensThatAreNotSetAreUndefined() {
        ChatTemplate template = ChatTemplate.of(
                "{{ bos_token is defined }} {{ eos_token }} {{ pad_token }}",
                SpecialTokens.of(null, "</s>").with("pad_token", "<pad>").with("unk_token", null),
                CLOCK);
        assertThat(template.render(TALK, null, false)).isEqualTo("False </s> <pad>");
    }

    @Test
    void theDateIsTheClocks() {
        assertThat(template("{{ strftime_now('%d %b %Y') }}").render(TALK, null, false))
                .isEqualTo("21 Nov 2026");
    }

    @Test
    void aRefusalIsInTheTemplatesOwnWords() {
        ChatTemplate template = template("{% if messages[0].role == 'system' %}"
                + "{{ raise_exception('System role not supported') }}{% endif %}ok");
        assertThatThrownBy(() -> template.render(TALK, null, false))
                .isInstanceOfSatisfying(
                        TemplateException.class,
                        e -> assertThat(e.raisedByTemplate()).isTrue())
                .hasMessage("System role not supported");
        assertThat(template.render(TALK.subList(1, 2), null, false)).isEqualTo("ok");
    }

    @Test
    void aBrokenTemplateIsRefusedWhenItIsRead() {
        assertThatThrownBy(() -> template("\n{% for m in messages %}"))
                .isInstanceOf(TemplateException.class)
                .hasMessage("chat template, line 2: 'for' is never closed by 'endfor'");
    }
}
