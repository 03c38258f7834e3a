package io.github.dpo4j.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.UserError;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A folder's tokenizer.json, changed where transformers changes the tokenizer after loading it: no truncation, no padding, and
 * the named special tokens are recognised in text even where the file lists them as ordinary vocabulary.
 */
final class TokenizerJson {
    private final ObjectNode json;
    /** The added tokens of tokenizer.json itself, which a class that rebuilds the tokenizer may leave out. */
    private final Map<String, Integer> idsInFile;

    private final Map<String, Integer> addedIds = new HashMap<>();

    private TokenizerJson(ObjectNode json, Map<String, Integer> idsInFile) {
        this.json = json;
        this.idsInFile = idsInFile;
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
        ObjectNode config = SpecialTokens.readObject(folder.resolve("tokenizer_config.json"));
        Map<String, Integer> idsInFile = new HashMap<>();
        for (JsonNode token : json.path("added_tokens")) {
            idsInFile.put(token.path("content").asText(), token.path("id").asInt());
        }
        boolean rebuilt = TokenizerClass.in(folder).rebuild(json, config);
        addFromConfig(json, config.path("added_tokens_decoder"), rebuilt);
        json.putNull("truncation");
        json.putNull("padding");
        @Nullable String defect = TokenizerGuard.defect(json);
        if (defect != null) {
            throw new UserError(file + ": not a tokenizer that can be used: it " + defect);
        }
        TokenizerJson result = new TokenizerJson(json, idsInFile);
        ArrayNode added = json.path("added_tokens") instanceof ArrayNode array ? array : json.putArray("added_tokens");
        for (JsonNode token : added) {
            result.addedIds.put(token.path("content").asText(), token.path("id").asInt());
        }
        result.add(added, specials.bos());
        result.add(added, specials.eos());
        result.add(added, specials.pad());
        result.add(added, specials.unk());
        specials.others().values().forEach(token -> result.add(added, token));
        specials.extra().forEach(token -> result.add(added, token));
        return result;
    }

    /**
     * tokenizer_config.json lists added tokens too, by their ids; where both files have a token, that list wins. A class that
     * rebuilds the tokenizer knows only these, if there are any.
     */
    private static void addFromConfig(ObjectNode json, JsonNode listed, boolean rebuilt) {
        if (!listed.isObject() || listed.isEmpty()) {
            return;
        }
        Map<String, ObjectNode> byContent = new LinkedHashMap<>();
        for (JsonNode token : json.path("added_tokens")) {
            if (token instanceof ObjectNode object) {
                byContent.put(token.path("content").asText(), object);
            }
        }
        JsonNode vocabulary = json.path("model").path("vocab");
        ArrayNode added = new ObjectMapper().createArrayNode();
        for (Map.Entry<String, JsonNode> entry : listed.properties()) {
            if (!(entry.getValue() instanceof ObjectNode given)
                    || !given.path("content").isTextual()
                    || !entry.getKey().matches("\\d{1,8}")) {
                continue;
            }
            String content = given.path("content").asText();
            @Nullable ObjectNode before = byContent.remove(content);
            int id = Integer.parseInt(entry.getKey());
            boolean special = given.path("special").asBoolean();
            added.addObject()
                    .put(
                            "id",
                            before != null
                                    ? before.path("id").asInt()
                                    : vocabulary.path(content).asInt(id))
                    .put("content", content)
                    .put("single_word", given.path("single_word").asBoolean())
                    .put("lstrip", given.path("lstrip").asBoolean())
                    .put("rstrip", given.path("rstrip").asBoolean())
                    .put("normalized", given.path("normalized").asBoolean(!special))
                    .put("special", special);
        }
        if (!rebuilt) {
            byContent.values().forEach(added::add);
        }
        json.set("added_tokens", inOrder(added));
    }

    private static ArrayNode inOrder(ArrayNode tokens) {
        List<JsonNode> sorted = new ArrayList<>();
        tokens.forEach(sorted::add);
        sorted.sort(Comparator.comparingInt(token -> token.path("id").asInt()));
        return new ObjectMapper().createArrayNode().addAll(sorted);
    }

    private void add(ArrayNode added, @Nullable String token) {
        if (token == null || token.isEmpty() || addedIds.containsKey(token)) {
            return;
        }
        @Nullable Integer id = vocabularyId(token);
        id = id == null ? idsInFile.get(token) : id;
        if (id == null) {
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
