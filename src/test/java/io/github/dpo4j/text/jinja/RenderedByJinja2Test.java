package io.github.dpo4j.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Templates in the manner of those that models ship, and random ones, with what jinja2 3.1.6 made of them in the environment of
 * transformers 5.17 (the compile function of its chat_template_utils). The files lie in src/test/resources/chat: NAME.jinja,
 * conversations.jsonl, and in expected.jsonl for each pair of them and each of the two generation prompts the text, or the
 * template's own error, or an empty error where Python raised another. random.jsonl has variables in its first line; its templates
 * came from a grammar of all statements, filters, tests, methods and operators.
 */
class RenderedByJinja2Test {
    private static final Path FOLDER = Path.of("src/test/resources/chat");
    private static final ObjectMapper JSON = new ObjectMapper();

    private static List<JsonNode> lines(String name) throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(FOLDER.resolve(name))) {
            lines.add(JSON.readTree(line));
        }
        return lines;
    }

    static Stream<String> templates() {
        try {
            return lines("expected.jsonl").stream()
                    .map(line -> line.path("template").asText())
                    .distinct();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @ParameterizedTest
    @MethodSource("templates")
    void chatTemplatesGiveTheSameTextOrError(String name) throws IOException {
        Template template = Template.parse(Files.readString(FOLDER.resolve(name)));
        List<JsonNode> conversations = lines("conversations.jsonl");
        for (JsonNode expected : lines("expected.jsonl")) {
            if (!expected.path("template").asText().equals(name)) {
                continue;
            }
            JsonNode conversation =
                    conversations.get(expected.path("conversation").asInt());
            Map<String, JsonNode> variables = new TreeMap<>();
            variables.put("messages", conversation.path("messages"));
            variables.put("tools", conversation.path("tools"));
            variables.put("documents", NullNode.instance);
            variables.put("bos_token", TextNode.valueOf("<s>"));
            variables.put("eos_token", TextNode.valueOf("</s>"));
            variables.put(
                    "add_generation_prompt",
                    BooleanNode.valueOf(expected.path("add_generation_prompt").asBoolean()));
            @Nullable String rendered = null;
            @Nullable String error = null;
            try {
                rendered = template.render(variables, Clock.systemUTC());
            } catch (TemplateException e) {
                error = e.raisedByTemplate() ? e.getMessage() : "";
            }
            assertThat(rendered)
                    .as("%s", expected)
                    .isEqualTo(expected.path("rendered").textValue());
            assertThat(error)
                    .as("%s", expected)
                    .isEqualTo(expected.path("error").textValue());
        }
    }

    @Test
    void randomTemplatesGiveTheSameText() throws IOException {
        List<JsonNode> lines = lines("random.jsonl");
        Map<String, JsonNode> variables = new TreeMap<>();
        lines.getFirst().properties().forEach(entry -> variables.put(entry.getKey(), entry.getValue()));
        for (JsonNode line : lines.subList(1, lines.size())) {
            String template = line.path("template").asText();
            assertThat(Template.parse(template).render(variables, Clock.systemUTC()))
                    .as(template)
                    .isEqualTo(line.path("rendered").asText());
        }
    }
}
