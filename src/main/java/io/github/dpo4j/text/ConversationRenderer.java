package io.github.dpo4j.text;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.data.Message;
import io.github.dpo4j.text.jinja.TemplateException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Writes a conversation as the text that the model was trained to read: a chat template, bound to its special tokens. */
@FunctionalInterface
public interface ConversationRenderer {
    /**
     * Returns the rendered text; throws {@link TemplateException} where the template refuses the conversation or fails on it,
     * and {@link UserError} where there is no template.
     *
     * @param tools a JSON array of tool descriptions, or null
     * @param addGenerationPrompt whether to end with the opening of an assistant turn
     */
    String render(List<Message> messages, @Nullable JsonNode tools, boolean addGenerationPrompt);

    /** Stands in where the model folder has no chat template: plain rows pass, the first conversation is refused. */
    static ConversationRenderer absent(Path folder) {
        return (messages, tools, addGenerationPrompt) -> {
            throw new UserError(folder + " has no chat template but the dataset holds conversations; add the model's"
                    + " chat_template.jinja to the folder, or give rows of plain text");
        };
    }
}
