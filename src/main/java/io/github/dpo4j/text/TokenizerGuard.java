package io.github.dpo4j.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Refuses a tokenizer.json that the native library would load and then abort the whole process on, for a panic in it cannot be
 * caught, or that would make it fill the memory. What it refuses by itself is left to it.
 */
final class TokenizerGuard {
    /** More rows than any embedding has; larger ids would not fit where ids go either. */
    private static final int MAX_ID = 1 << 24;

    /** How many times longer all normalizers together may make a text. */
    private static final double MAX_GROWTH = 1024;

    private double growth = 1;
    private int templates;

    private TokenizerGuard() {}

    /** Returns what is wrong, in words that follow "it"; null where nothing is. */
    static @Nullable String defect(JsonNode tokenizer) {
        TokenizerGuard guard = new TokenizerGuard();
        @Nullable String ids = ids(tokenizer);
        if (ids != null) {
            return ids;
        }
        for (String section : new String[] {"normalizer", "pre_tokenizer", "post_processor", "decoder"}) {
            @Nullable String defect = guard.parts(tokenizer.path(section), section.equals("normalizer"));
            if (defect != null) {
                return defect;
            }
        }
        return merges(tokenizer.path("model"));
    }

    private static @Nullable String ids(JsonNode tokenizer) {
        JsonNode vocabulary = tokenizer.path("model").path("vocab");
        if (vocabulary.isObject()) {
            for (Map.Entry<String, JsonNode> token : vocabulary.properties()) {
                if (!isId(token.getValue())) {
                    return "gives the token '" + Printable.of(token.getKey()) + "' the id "
                            + Printable.of(token.getValue().toString()) + "; ids are whole numbers from 0 to "
                            + (MAX_ID - 1);
                }
            }
        }
        for (JsonNode token : tokenizer.path("added_tokens")) {
            if (!isId(token.path("id"))) {
                return "has an added token with the id "
                        + Printable.of(token.path("id").toString()) + "; ids are whole numbers from 0 to "
                        + (MAX_ID - 1);
            }
        }
        return null;
    }

    private static boolean isId(JsonNode id) {
        return id.isIntegralNumber() && id.canConvertToInt() && id.intValue() >= 0 && id.intValue() < MAX_ID;
    }

    /** Goes by what a part has rather than by its type: older files name no type. */
    private @Nullable String parts(JsonNode part, boolean normalizer) {
        @Nullable String defect = null;
        if (part.has("special_tokens") || part.has("single")) {
            defect = template(part);
        } else if (part.has("precompiled_charsmap")) {
            defect =
                    PrecompiledCharsMap.defect(part.path("precompiled_charsmap").asText());
        } else if (part.has("stop") && part.path("stop").asDouble() != 0) {
            defect = "strips the ends of tokens when it decodes, which fails on tokens shorter than that";
        } else if (part.has("pattern")) {
            defect = pattern(part, normalizer);
        }
        for (Iterator<JsonNode> inner = part.iterator(); defect == null && inner.hasNext(); ) {
            defect = parts(inner.next(), normalizer);
        }
        return defect;
    }

    private @Nullable String template(JsonNode template) {
        templates++;
        if (templates > 1) {
            return "has two templates one after the other";
        }
        JsonNode specials = template.path("special_tokens");
        for (JsonNode piece : template.path("single")) {
            JsonNode special = piece.path("SpecialToken").path("id");
            if (!special.isMissingNode() && !specials.has(special.asText())) {
                return "adds the token '" + Printable.of(special.asText())
                        + "', which its template's special_tokens do not have";
            }
            JsonNode sequence = piece.path("Sequence").path("id");
            if (!sequence.isMissingNode() && !sequence.asText().equals("A")) {
                return "has a template for one text that asks for a second";
            }
        }
        for (JsonNode special : specials) {
            if (special.path("ids").size() != special.path("tokens").size()
                    || special.path("ids").isEmpty()) {
                return "has a template whose special tokens do not have an id each";
            }
            for (JsonNode id : special.path("ids")) {
                if (!isId(id)) {
                    return "has a template that adds the id " + Printable.of(id.toString());
                }
            }
        }
        return null;
    }

    private @Nullable String pattern(JsonNode part, boolean normalizer) {
        JsonNode pattern = part.path("pattern");
        JsonNode literal = pattern.path("String");
        if (literal.isTextual() && literal.asText().isEmpty()) {
            return "looks for an empty text";
        }
        @Nullable String regex = pattern.path("Regex").textValue();
        if (regex != null && RegexGuard.mayTakeForever(regex)) {
            return "has the pattern '" + Printable.of(regex) + "', whose nested repetitions may take forever";
        }
        if (normalizer && part.has("content")) {
            double replaced = literal.isTextual() ? bytes(literal.asText()) : 1;
            growth *= Math.max(
                    1, (regex == null ? 0 : 1) + bytes(part.path("content").asText()) / replaced);
            if (growth > MAX_GROWTH) {
                return "replaces texts by ones over " + (int) MAX_GROWTH + " times as long";
            }
        }
        return null;
    }

    private static int bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }

    /** With a prefix that marks the inside of words, the second half of each merge must start with it. */
    private static @Nullable String merges(JsonNode model) {
        String prefix = model.path("continuing_subword_prefix").asText("");
        if (prefix.isEmpty() || model.path("continuing_subword_prefix").isNull()) {
            return null;
        }
        Set<String> seconds = new HashSet<>();
        for (JsonNode merge : model.path("merges")) {
            String second = merge.isArray()
                    ? merge.path(1).asText()
                    : merge.asText().substring(merge.asText().indexOf(' ') + 1);
            if (seconds.add(second) && !second.startsWith(prefix)) {
                return "has merges without its continuing_subword_prefix '" + Printable.of(prefix) + "'";
            }
        }
        return null;
    }
}
