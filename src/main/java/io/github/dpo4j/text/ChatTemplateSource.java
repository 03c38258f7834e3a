package io.github.dpo4j.text;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Finds a model folder's chat template. */
public final class ChatTemplateSource {
    private ChatTemplateSource() {}

    /**
     * The template's text: chat_template.jinja, else tokenizer_config.json's chat_template (text, or of a list the one named
     * default); empty where the folder has none.
     */
    public static Optional<String> in(Path folder) {
        Path file = folder.resolve("chat_template.jinja");
        if (Files.exists(file)) {
            try {
                return Optional.of(Files.readString(file));
            } catch (IOException e) {
                throw new UserError(file + ": the chat template cannot be read (" + e.getMessage() + ")", e);
            }
        }
        Path configFile = folder.resolve("tokenizer_config.json");
        JsonNode template = SpecialTokens.readObject(configFile).path("chat_template");
        if (template.isMissingNode() || template.isNull()) {
            return Optional.empty();
        }
        if (template.isTextual()) {
            return Optional.of(template.asText());
        }
        for (JsonNode named : template) {
            if (named.path("name").asText().equals("default")
                    && named.path("template").isTextual()) {
                return Optional.of(named.path("template").asText());
            }
        }
        throw new UserError(configFile + ": chat_template is neither text nor a list that holds one named default");
    }
}
