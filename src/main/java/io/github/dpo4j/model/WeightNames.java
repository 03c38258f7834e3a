package io.github.dpo4j.model;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where a family keeps each weight, without the ending .weight or .bias; those of a layer without its prefix.
 *
 * @param layer the prefix of a layer, with %d for its number
 * @param attentionNorm before attention; {@code afterAttention} and {@code afterMlp} are what a sandwich has besides
 * @param head the output head, or null where it is tied
 */
public record WeightNames(
        String embedding,
        @Nullable String learnedPositions,
        String layer,
        String attentionNorm,
        QkvNames qkv,
        Optional<HeadNorms> headNorms,
        String attentionOutput,
        @Nullable String afterAttention,
        String mlpNorm,
        MlpNames mlp,
        String mlpDown,
        @Nullable String afterMlp,
        String finalNorm,
        @Nullable String head) {

    /** Returns the names that Llama has, and most after it. */
    static WeightNames llama() {
        return new WeightNames(
                "model.embed_tokens",
                null,
                "model.layers.%d.",
                "input_layernorm",
                new QkvNames.Separate("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
                Optional.empty(),
                "self_attn.o_proj",
                null,
                "post_attention_layernorm",
                new MlpNames.Gated("mlp.gate_proj", "mlp.up_proj"),
                "mlp.down_proj",
                null,
                "model.norm",
                "lm_head");
    }

    /** Returns the same names and norms of queries and keys. */
    WeightNames with(HeadNorms norms) {
        return new WeightNames(
                embedding,
                learnedPositions,
                layer,
                attentionNorm,
                qkv,
                Optional.of(norms),
                attentionOutput,
                afterAttention,
                mlpNorm,
                mlp,
                mlpDown,
                afterMlp,
                finalNorm,
                head);
    }

    /** Returns the same names with other products. */
    WeightNames with(QkvNames otherQkv, MlpNames otherMlp) {
        return new WeightNames(
                embedding,
                learnedPositions,
                layer,
                attentionNorm,
                otherQkv,
                headNorms,
                attentionOutput,
                afterAttention,
                mlpNorm,
                otherMlp,
                mlpDown,
                afterMlp,
                finalNorm,
                head);
    }

    /** Returns the same names with four norms a layer: after attention, before the MLP, after it; the one before attention stays. */
    WeightNames withSandwich(String normAfterAttention, String normBeforeMlp, String normAfterMlp) {
        return new WeightNames(
                embedding,
                learnedPositions,
                layer,
                attentionNorm,
                qkv,
                headNorms,
                attentionOutput,
                normAfterAttention,
                normBeforeMlp,
                mlp,
                mlpDown,
                normAfterMlp,
                finalNorm,
                head);
    }

    /** Returns the number of the layer that a tensor of this full name belongs to; -1 for one outside layers. */
    public int layerOf(String tensor) {
        int number = layer.indexOf("%d");
        Matcher matcher = Pattern.compile(Pattern.quote(layer.substring(0, number)) + "(\\d{1,9})"
                        + Pattern.quote(layer.substring(number + 2)))
                .matcher(tensor);
        return matcher.lookingAt() ? Integer.parseInt(matcher.group(1)) : -1;
    }

    /** The norms over each head. */
    public record HeadNorms(String query, String key) {}

    /** One, or three, matrices for queries, keys and values. */
    public sealed interface QkvNames {
        record Separate(String query, String key, String value) implements QkvNames {}

        /** One matrix whose output is all queries, then all keys, then all values (GPT-2, Phi-3). */
        record FusedBlocks(String name) implements QkvNames {}

        /** One matrix whose output is query, key and value of head 0, then of head 1, ... (GPT-NeoX). */
        record FusedPerHead(String name) implements QkvNames {}
    }

    /** The matrices before the MLP's non-linearity. */
    public sealed interface MlpNames {
        record Plain(String up) implements MlpNames {}

        record Gated(String gate, String up) implements MlpNames {}

        /** One matrix whose output is the gate, then what it is multiplied with (Phi-3). */
        record FusedGated(String name) implements MlpNames {}
    }
}
