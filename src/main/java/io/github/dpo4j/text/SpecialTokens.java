package io.github.dpo4j.text;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The texts of a model's named special tokens, each null where the folder names none. They come from tokenizer_config.json; a
 * folder of the older kind (no added_tokens_decoder in it) overrides them in special_tokens_map.json; what is
 * still unnamed is as the tokenizer's class has it.
 *
 * @param others sep_token, cls_token and mask_token, those that are named
 * @param extra special tokens beside the named ones
 */
public record SpecialTokens(
        @Nullable String bos,
        @Nullable String eos,
        @Nullable String pad,
        @Nullable String unk,
        Map<String, String> others,
        List<String> extra) {
    public SpecialTokens {
        others = Collections.unmodifiableMap(new LinkedHashMap<>(others));
        extra = List.copyOf(extra);
    }

    SpecialTokens(@Nullable String bos, @Nullable String eos, @Nullable String pad, @Nullable String unk) {
        this(bos, eos, pad, unk, Map.of(), List.of());
    }

    static SpecialTokens in(Path folder) {
        JsonNode config = readObject(folder.resolve("tokenizer_config.json"));
        JsonNode map =
                config.has("added_tokens_decoder") ? config : readObject(folder.resolve("special_tokens_map.json"));
        SpecialTokens defaults = TokenizerClass.in(folder).defaults();
        Map<String, String> others = new LinkedHashMap<>();
        for (String name : List.of("sep_token", "cls_token", "mask_token")) {
            put(others, name, token(name, map, config, defaults.others.get(name)));
        }
        List<String> extra = new ArrayList<>();
        // The older name counts only where the newer one is not there.
        boolean newer = map.has("extra_special_tokens") || config.has("extra_special_tokens");
        for (String list : List.of(newer ? "extra_special_tokens" : "additional_special_tokens")) {
            for (JsonNode token : map.has(list) ? map.path(list) : config.path(list)) {
                String text = text(token);
                if (text != null) {
                    extra.add(text);
                }
            }
        }
        return new SpecialTokens(
                token("bos_token", map, config, defaults.bos),
                token("eos_token", map, config, defaults.eos),
                token("pad_token", map, config, defaults.pad),
                token("unk_token", map, config, defaults.unk),
                others,
                extra);
    }

    /** Those that are set, by the names of tokenizer_config.json (bos_token, ...): the variables of chat templates. */
    public Map<String, String> byName() {
        Map<String, String> tokens = new LinkedHashMap<>();
        put(tokens, "bos_token", bos);
        put(tokens, "eos_token", eos);
        put(tokens, "pad_token", pad);
        put(tokens, "unk_token", unk);
        tokens.putAll(others);
        return tokens;
    }

    private static void put(Map<String, String> tokens, String name, @Nullable String token) {
        if (token != null) {
            tokens.put(name, token);
        }
    }

    private static @Nullable String token(String key, JsonNode map, JsonNode config, @Nullable String whenAbsent) {
        JsonNode token = map.has(key) ? map.path(key) : config.path(key);
        if (token.isMissingNode()) {
            return whenAbsent;
        }
        return text(token);
    }

    /** The text of a token, which files hold as text or as an object with its properties. */
    private static @Nullable String text(JsonNode token) {
        JsonNode content = token.isObject() ? token.path("content") : token;
        return content.isTextual() ? content.asText() : null;
    }

    /** The file's JSON object; an empty one where there is no such file. */
    static ObjectNode readObject(Path file) {
        ObjectMapper json = new ObjectMapper();
        try {
            if (json.readTree(Files.readAllBytes(file)) instanceof ObjectNode object) {
                return object;
            }
        } catch (NoSuchFileException e) {
            return json.createObjectNode();
        } catch (JsonProcessingException e) {
            throw new UserError(file + ": not valid JSON (" + e.getOriginalMessage() + ")", e);
        } catch (IOException e) {
            throw new UserError(file + ": the file cannot be read (" + e.getMessage() + ")", e);
        }
        throw new UserError(file + ": not a JSON object");
    }
}
