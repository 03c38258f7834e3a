package io.github.dpo4j.text;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The texts of a model folder's chat templates. Most folders have one; some have several with names, of which transformers
 * takes tool_use for conversations with tools, if there is one, and else default.
 */
public record ChatTemplates(String usual, String forTools) {
    private static final String DEFAULT = "default";
    private static final String TOOL_USE = "tool_use";

    /**
     * Those of chat_template.jinja and additional_chat_templates/NAME.jinja, else those of tokenizer_config.json, where
     * chat_template is a text or a list with names; empty where the folder has none.
     */
    public static Optional<ChatTemplates> in(Path folder) {
        Map<String, String> named = new LinkedHashMap<>();
        String from = folder.toString();
        Path file = folder.resolve("chat_template.jinja");
        if (Files.exists(file)) {
            named.put(DEFAULT, read(file));
        }
        Path additional = folder.resolve("additional_chat_templates");
        if (Files.isDirectory(additional)) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(additional, "*.jinja")) {
                for (Path more : files) {
                    String name = String.valueOf(more.getFileName());
                    named.put(name.substring(0, name.length() - ".jinja".length()), read(more));
                }
            } catch (IOException e) {
                throw new UserError(additional + ": the folder cannot be listed (" + e.getMessage() + ")", e);
            }
        }
        if (named.isEmpty()) {
            Path config = folder.resolve("tokenizer_config.json");
            from = config.toString();
            readConfig(config, named);
        }
        if (named.isEmpty()) {
            return Optional.empty();
        }
        @Nullable String usual = named.get(DEFAULT);
        @Nullable String forTools = named.getOrDefault(TOOL_USE, usual);
        if (usual == null || forTools == null) {
            throw new UserError(from + ": none of the chat templates " + String.join(", ", named.keySet())
                    + " is named default, so it is not known which to use");
        }
        return Optional.of(new ChatTemplates(usual, forTools));
    }

    private static void readConfig(Path config, Map<String, String> named) {
        JsonNode template = SpecialTokens.readObject(config).path("chat_template");
        if (template.isTextual()) {
            named.put(DEFAULT, template.asText());
        } else if (!template.isMissingNode() && !template.isNull()) {
            for (JsonNode one : template) {
                if (one.path("name").isTextual() && one.path("template").isTextual()) {
                    named.put(one.path("name").asText(), one.path("template").asText());
                }
            }
            if (named.isEmpty()) {
                throw new UserError(config + ": chat_template is neither text nor a list of texts with names");
            }
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UserError(file + ": the chat template cannot be read (" + e.getMessage() + ")", e);
        }
    }
}
