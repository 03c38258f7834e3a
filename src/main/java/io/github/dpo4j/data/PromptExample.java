package io.github.dpo4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What generation continues. */
public sealed interface PromptExample {
    Origin origin();

    record Plain(Origin origin, String prompt) implements PromptExample {}

    record Chat(
            Origin origin, List<Message> messages, @Nullable JsonNode tools) implements PromptExample {}
}
