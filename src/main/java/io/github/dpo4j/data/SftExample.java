package io.github.dpo4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What supervised fine-tuning learns from. With a prompt only the completion is scored; without one, every token after the first. */
public sealed interface SftExample {
    Origin origin();

    /** Running text; all of it is scored. */
    record Text(Origin origin, String text) implements SftExample {}

    /** A prompt and its completion as plain text; the completion is scored. */
    record Completion(Origin origin, String prompt, String completion) implements SftExample {}

    /** A whole conversation; every token that the chat template renders is scored, as TRL does by default. */
    record Chat(
            Origin origin, List<Message> messages, @Nullable JsonNode tools) implements SftExample {}

    /** A conversation split into prompt and completion turns; the completion is scored. */
    record ChatCompletion(
            Origin origin,
            List<Message> prompt,
            List<Message> completion,
            @Nullable JsonNode tools) implements SftExample {}
}
