package io.github.dpo4j.text;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.data.Message;
import io.github.dpo4j.data.Origin;
import io.github.dpo4j.text.jinja.TemplateException;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Renders a row's conversation so that a refusal (templates raise on roles that do not alternate) names the row. */
record Conversations(ConversationRenderer renderer) {
    /** The prompt, ending with the opening of the assistant's turn. */
    String prompt(Origin origin, List<Message> prompt, @Nullable JsonNode tools) {
        return render(origin, prompt, tools, true);
    }

    String whole(Origin origin, List<Message> messages, @Nullable JsonNode tools) {
        return render(origin, messages, tools, false);
    }

    String whole(Origin origin, List<Message> prompt, List<Message> completion, @Nullable JsonNode tools) {
        return whole(origin, Stream.concat(prompt.stream(), completion.stream()).toList(), tools);
    }

    private String render(Origin origin, List<Message> messages, @Nullable JsonNode tools, boolean generation) {
        try {
            return renderer.render(messages, tools, generation);
        } catch (TemplateException e) {
            throw new UserError(origin + ": the chat template refuses this conversation: " + e.getMessage(), e);
        } catch (UserError e) {
            throw new UserError(origin + ": " + e.getMessage(), e);
        }
    }
}
