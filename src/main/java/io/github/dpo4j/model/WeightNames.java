package io.github.dpo4j.model;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where a family keeps each weight, without the ending .weight or .bias.
 *
 * @param layer the prefix of a layer, with %d for its number
 * @param head the output head, or null where it is tied
 */
public record WeightNames(
        String embedding,
        @Nullable String learnedPositions,
        String layer,
        String attentionNorm,
        QkvNames qkv,
        String attentionOutput,
        String mlpNorm,
        @Nullable String mlpGate,
        String mlpUp,
        String mlpDown,
        String finalNorm,
        @Nullable String head) {

    /** Returns the number of the layer that a tensor of this full name belongs to; -1 for one outside layers. */
    public int layerOf(String tensor) {
        int number = layer.indexOf("%d");
        Matcher matcher = Pattern.compile(Pattern.quote(layer.substring(0, number)) + "(\\d{1,9})"
                        + Pattern.quote(layer.substring(number + 2)))
                .matcher(tensor);
        return matcher.lookingAt() ? Integer.parseInt(matcher.group(1)) : -1;
    }

    /** One, or three, matrices for queries, keys and values. */
    public sealed interface QkvNames {
        record Separate(String query, String key, String value) implements QkvNames {}

        /** One matrix whose output is all queries, then all keys, then all values (GPT-2). */
        record FusedBlocks(String name) implements QkvNames {}

        /** One matrix whose output is query, key and value of head 0, then of head 1, ... (GPT-NeoX). */
        record FusedPerHead(String name) implements QkvNames {}
    }
}
