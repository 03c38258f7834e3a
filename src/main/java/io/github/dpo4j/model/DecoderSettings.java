package io.github.dpo4j.model;

import io.github.dpo4j.UserError;

/**
 * What tells one decoder-only transformer from another; a family reads it from its config.json.
 *
 * @param vocabularySize rows of the token embedding
 * @param width features of the residual stream (hidden_size)
 * @param headWidth features of one head (head_dim)
 * @param keyValueHeads fewer than {@code heads} in grouped-query attention; divides them
 * @param mlpWidth features between the MLP's two products
 * @param maxPositions the context the model was made for, in tokens
 * @param attentionBias biases on the query, key and value products; {@code outputBias} on the product after attention
 * @param linears whether weight matrices lie as [out, in] (nn.Linear) or [in, out] (GPT-2's Conv1D)
 * @param tied the head is the token embedding
 */
public record DecoderSettings(
        int vocabularySize,
        int width,
        int layers,
        int heads,
        int keyValueHeads,
        int headWidth,
        int mlpWidth,
        int maxPositions,
        Positions positions,
        NormKind norm,
        double normEpsilon,
        MlpKind mlp,
        Activation activation,
        ResidualKind residual,
        Linear.Layout linears,
        AttentionScale attentionScale,
        boolean attentionBias,
        boolean outputBias,
        boolean mlpBias,
        boolean tied) {

    public enum NormKind {
        RMS,
        LAYER
    }

    public enum MlpKind {
        GATED,
        PLAIN
    }

    /** Sequential: attention, then the MLP on its sum; parallel (GPT-NeoX): both on the layer's input. */
    public enum ResidualKind {
        SEQUENTIAL,
        PARALLEL
    }

    /** What attention scores are multiplied with: 1 / sqrt(head width) unless off, and 1 / (layer + 1) where GPT-2 asks for it. */
    public record AttentionScale(boolean byHeadWidth, boolean byInverseLayer) {
        public static final AttentionScale USUAL = new AttentionScale(true, false);

        /** Returns the factor of a layer. */
        public double of(int layer, int headWidth) {
            return (byHeadWidth ? 1 / Math.sqrt(headWidth) : 1) / (byInverseLayer ? layer + 1 : 1);
        }
    }

    public DecoderSettings {
        if (positions instanceof Positions.Rotary rotary
                && (rotary.rotaryWidth() % 2 != 0 || rotary.rotaryWidth() < 2 || rotary.rotaryWidth() > headWidth)) {
            throw new UserError("config.json: rotary width " + rotary.rotaryWidth()
                    + " must be even and at most the head width " + headWidth);
        }
    }

    /** Returns the head width that config.json implies where it names none; width must then divide by heads. */
    static int headWidth(ModelConfig config, String widthKey, String headsKey) {
        int heads = config.positive(headsKey);
        requireDivides(config, widthKey, headsKey, heads);
        return config.positive(widthKey) / heads;
    }

    /** Returns the number of key-value heads, {@code heads} where config.json names none; it must divide them. */
    static int keyValueHeads(ModelConfig config, String headsKey, String key) {
        int count = config.positive(key, config.positive(headsKey));
        requireDivides(config, headsKey, key, count);
        return count;
    }

    private static void requireDivides(ModelConfig config, String wholeKey, String partsKey, int parts) {
        int whole = config.positive(wholeKey);
        if (whole % parts != 0) {
            throw new UserError(config.where(wholeKey) + " is " + whole + ", but '" + partsKey + "' is " + parts
                    + "; the second must divide the first");
        }
    }
}
