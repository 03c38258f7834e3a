package io.github.dpo4j.recipe;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.github.dpo4j.data.PromptExample;
import io.github.dpo4j.generate.Sampler;

/** A prompt and one completion that was drawn for it. */
public record SampledCompletion(PromptExample prompt, Sampler.Sample sample) {
    /** Returns the prompt as a dataset has it: a text, or a list of messages. */
    public JsonNode promptAsJson() {
        return switch (prompt) {
            case PromptExample.Plain plain -> JsonNodeFactory.instance.textNode(plain.prompt());
            case PromptExample.Chat chat -> {
                ArrayNode messages = JsonNodeFactory.instance.arrayNode();
                chat.messages().forEach(message -> messages.add(message.fields()));
                yield messages;
            }
        };
    }
}
