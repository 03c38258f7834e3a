package io.github.dpo4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What is shown as the model would see it. */
public sealed interface RenderExample {
    Origin origin();

    /** Text that goes to the tokenizer as it stands; it may be empty. */
    record Text(Origin origin, String text) implements RenderExample {}

    /** A whole conversation, for the chat template. */
    record Chat(
            Origin origin, List<Message> messages, @Nullable JsonNode tools) implements RenderExample {}
}
