package io.github.dpo4j.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.github.dpo4j.data.Message;
import io.github.dpo4j.text.jinja.Template;
import io.github.dpo4j.text.jinja.TemplateException;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A model's chat template, rendered as transformers' apply_chat_template renders it. Immutable; threads may share it. */
public final class ChatTemplate {
    private final Template template;
    private final SpecialTokens specialTokens;
    private final Clock clock;

    private ChatTemplate(Template template, SpecialTokens specialTokens, Clock clock) {
        this.template = template;
        this.specialTokens = specialTokens;
        this.clock = clock;
    }

    /** Parses a template; the clock is the today of templates that print it. Throws TemplateException for a broken one. */
    public static ChatTemplate of(String source, SpecialTokens specialTokens, Clock clock) {
        return new ChatTemplate(Template.parse(source), specialTokens, clock);
    }

    /**
     * Renders a conversation; tools is a JSON array or null. Throws {@link TemplateException}: with the template's own words
     * where it refuses the conversation ({@link TemplateException#raisedByTemplate}), else with its line and what failed there.
     */
    public String render(List<Message> messages, @Nullable JsonNode tools, boolean addGenerationPrompt) {
        ArrayNode turns = JsonNodeFactory.instance.arrayNode(messages.size());
        messages.forEach(message -> turns.add(message.fields()));
        Map<String, JsonNode> variables = new LinkedHashMap<>();
        specialTokens.byName().forEach((name, token) -> variables.put(name, TextNode.valueOf(token)));
        variables.put("messages", turns);
        variables.put("tools", tools == null ? NullNode.instance : tools);
        variables.put("documents", NullNode.instance);
        variables.put("add_generation_prompt", BooleanNode.valueOf(addGenerationPrompt));
        return template.render(variables, clock);
    }

    /**
     * The special tokens that the template sees, by the names of tokenizer_config.json (bos_token, eos_token, pad_token,
     * unk_token, ...); one that is not set is not there, and undefined in the template.
     */
    public record SpecialTokens(Map<String, String> byName) {
        public SpecialTokens {
            byName = Map.copyOf(byName);
        }

        public static SpecialTokens of(@Nullable String bos, @Nullable String eos) {
            return new SpecialTokens(Map.of()).with("bos_token", bos).with("eos_token", eos);
        }

        /** These tokens and one more; null leaves them as they are. */
        public SpecialTokens with(String name, @Nullable String token) {
            if (token == null) {
                return this;
            }
            Map<String, String> more = new LinkedHashMap<>(byName);
            more.put(name, token);
            return new SpecialTokens(more);
        }
    }
}
