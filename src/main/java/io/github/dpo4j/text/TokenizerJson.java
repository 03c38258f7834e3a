package io.github.dpo4j.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.UserError;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A folder's tokenizer.json, changed where transformers changes the tokenizer after loading it: no truncation, no padding, and
 * the named special tokens are recognised in text even where the file lists them as ordinary vocabulary.
 */
final class TokenizerJson {
    private final ObjectNode json;
    private final Map<String, Integer> addedIds = new HashMap<>();

    private TokenizerJson(ObjectNode json) {
        this.json = json;
    }

    static TokenizerJson in(Path folder, SpecialTokens specials) {
        Path file = folder.resolve("tokenizer.json");
        if (!Files.exists(file)) {
            throw new UserError(
                    folder + " has no tokenizer.json; give a model folder with a fast tokenizer (transformers'"
                            + " save_pretrained writes one)");
        }
        ObjectNode json = SpecialTokens.readObject(file);
        if (!json.path("model").isObject()) {
            throw new UserError(file + ": not a tokenizer (it has no model section)");
        }
        TokenizerClass.in(folder).rebuild(json, SpecialTokens.readObject(folder.resolve("tokenizer_config.json")));
        json.putNull("truncation");
        json.putNull("padding");
        @Nullable String defect = TokenizerGuard.defect(json);
        if (defect != null) {
            throw new UserError(file + ": not a tokenizer that can be used: it " + defect);
        }
        TokenizerJson result = new TokenizerJson(json);
        ArrayNode added = json.path("added_tokens") instanceof ArrayNode array ? array : json.putArray("added_tokens");
        for (JsonNode token : added) {
            result.addedIds.put(token.path("content").asText(), token.path("id").asInt());
        }
        result.add(added, specials.bos());
        result.add(added, specials.eos());
        result.add(added, specials.pad());
        result.add(added, specials.unk());
        return result;
    }

    private void add(ArrayNode added, @Nullable String token) {
        Integer id = token == null || addedIds.containsKey(token) ? null : vocabularyId(token);
        if (token == null || id == null) {
            return; // unknown to the tokenizer: it has no embedding, so it stays text
        }
        addedIds.put(token, id);
        added.addObject()
                .put("id", id)
                .put("content", token)
                .put("single_word", false)
                .put("lstrip", false)
                .put("rstrip", false)
                .put("normalized", false)
                .put("special", true);
    }

    /** The token's id; null where the tokenizer does not know it. */
    @Nullable
    Integer id(String token) {
        Integer id = addedIds.get(token);
        return id == null ? vocabularyId(token) : id;
    }

    private @Nullable Integer vocabularyId(String token) {
        JsonNode vocabulary = json.path("model").path("vocab");
        if (vocabulary.isObject()) {
            JsonNode id = vocabulary.get(token);
            return id == null ? null : id.asInt();
        }
        for (int id = 0; id < vocabulary.size(); id++) { // Unigram: a list of [token, score]
            if (vocabulary.path(id).path(0).asText().equals(token)) {
                return id;
            }
        }
        return null;
    }

    /** One more than the largest id. */
    int vocabularySize() {
        JsonNode vocabulary = json.path("model").path("vocab");
        int largest = vocabulary.isArray() ? vocabulary.size() - 1 : -1;
        if (vocabulary.isObject()) {
            for (JsonNode id : vocabulary) {
                largest = Math.max(largest, id.asInt());
            }
        }
        for (int id : addedIds.values()) {
            largest = Math.max(largest, id);
        }
        return largest + 1;
    }

    @Override
    public String toString() {
        return json.toString();
    }
}
