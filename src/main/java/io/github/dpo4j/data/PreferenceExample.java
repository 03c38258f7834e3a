package io.github.dpo4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A prompt with a chosen and a rejected completion (y_w and y_l of the paper). */
public sealed interface PreferenceExample {
    Origin origin();

    /** Plain text: the completions continue the prompt's last character directly. */
    record Plain(Origin origin, String prompt, String chosen, String rejected) implements PreferenceExample {}

    /** Conversations, to be rendered by the model's chat template; tools is a JSON array or null. */
    record Chat(
            Origin origin,
            List<Message> prompt,
            List<Message> chosen,
            List<Message> rejected,
            @Nullable JsonNode tools) implements PreferenceExample {}
}
