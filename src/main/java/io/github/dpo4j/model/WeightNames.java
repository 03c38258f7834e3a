package io.github.dpo4j.model;

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

    /** One, or three, matrices for queries, keys and values. */
    public sealed interface QkvNames {
        record Separate(String query, String key, String value) implements QkvNames {}

        /** One matrix whose output is all queries, then all keys, then all values (GPT-2). */
        record FusedBlocks(String name) implements QkvNames {}

        /** One matrix whose output is query, key and value of head 0, then of head 1, ... (GPT-NeoX). */
        record FusedPerHead(String name) implements QkvNames {}
    }
}
