package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import java.util.List;
import java.util.OptionalInt;

/**
 * What tells one decoder-only transformer from another; a family reads it from its config.json ({@link #builder}).
 *
 * @param vocabularySize rows of the token embedding
 * @param width features of the residual stream (hidden_size)
 * @param headWidth features of one head (head_dim)
 * @param keyValueHeads fewer than {@code heads} in grouped-query attention; divides them
 * @param mlpWidth features between the MLP's two products
 * @param maxPositions the context the model was made for, in tokens
 * @param learnedPositions how many positions have a learned vector that is added to the embedding; empty without such vectors
 * @param attention one for each layer
 * @param headNorms an RMSNorm over each head of queries and of keys, before they turn
 * @param embeddingScale what token embeddings are multiplied with
 * @param attentionBias biases on the query, key and value products; {@code outputBias} on the product after attention
 * @param linears whether weight matrices lie as [out, in] (nn.Linear) or [in, out] (GPT-2's Conv1D)
 * @param tied the head is the token embedding
 */
public record DecoderSettings(
        int vocabularySize,
        int width,
        int heads,
        int keyValueHeads,
        int headWidth,
        int mlpWidth,
        int maxPositions,
        OptionalInt learnedPositions,
        List<LayerAttention> attention,
        boolean headNorms,
        AttentionScale attentionScale,
        float embeddingScale,
        NormKind norm,
        double normEpsilon,
        MlpKind mlp,
        Activation activation,
        ResidualKind residual,
        Linear.Layout linears,
        boolean attentionBias,
        boolean outputBias,
        boolean mlpBias,
        boolean tied) {

    /** Which norm: RMSNorm, RMSNorm whose weights say by how much they differ from 1 (Gemma), or LayerNorm. */
    public enum NormKind {
        RMS,
        RMS_FROM_ONE,
        LAYER
    }

    public enum MlpKind {
        GATED,
        PLAIN
    }

    /**
     * Sequential: attention, then the MLP on its sum; parallel (GPT-NeoX): both on the layer's input; sandwich (Gemma): as
     * sequential, with a norm after attention and after the MLP too.
     */
    public enum ResidualKind {
        SEQUENTIAL,
        PARALLEL,
        SANDWICH
    }

    /** What attention scores are multiplied with, and whether layer i divides that by i + 1 (GPT-2). */
    public record AttentionScale(double factor, boolean byInverseLayer) {
        /** 1 / sqrt(n): for heads of n features, unless a family takes another number. */
        public static AttentionScale dividingByRootOf(double n) {
            return new AttentionScale(1 / Math.sqrt(n), false);
        }

        /** Returns the factor of a layer. */
        public double of(int layer) {
            return factor / (byInverseLayer ? layer + 1 : 1);
        }
    }

    public DecoderSettings {
        attention = List.copyOf(attention);
        for (LayerAttention layer : attention) {
            int turning = layer.rotary().map(Rotary::width).orElse(2);
            if (turning % 2 != 0 || turning < 2 || turning > headWidth) {
                throw new UserError("config.json: rotary width " + turning + " must be even and at most the head width "
                        + headWidth);
            }
        }
    }

    public int layers() {
        return attention.size();
    }

    /** Returns after how many tokens a sequence must end, because positions or their meaning end there; empty without such an end. */
    public OptionalInt positionLimit() {
        if (learnedPositions.isPresent()) {
            return learnedPositions;
        }
        return attention.stream()
                .flatMap(layer -> layer.rotary().stream())
                .flatMapToInt(rotary -> rotary.scaling().end().stream())
                .min();
    }

    /** Starts a Llama of these sizes: all that a family does not set is as in Llama 2. */
    static Builder builder(int vocabularySize, int width, int heads, int headWidth, int mlpWidth) {
        return new Builder(vocabularySize, width, heads, headWidth, mlpWidth);
    }

    /** Collects settings one by one. */
    static final class Builder {
        private final int vocabularySize;
        private final int width;
        private final int heads;
        private final int headWidth;
        private final int mlpWidth;
        private int keyValueHeads;
        private int maxPositions = 2048;
        private OptionalInt learnedPositions = OptionalInt.empty();
        private List<LayerAttention> attention = List.of();
        private boolean headNorms;
        private AttentionScale attentionScale;
        private float embeddingScale = 1;
        private NormKind norm = NormKind.RMS;
        private double normEpsilon = 1e-6;
        private MlpKind mlp = MlpKind.GATED;
        private Activation activation = Activation.SILU;
        private ResidualKind residual = ResidualKind.SEQUENTIAL;
        private Linear.Layout linears = Linear.Layout.OUT_IN;
        private boolean attentionBias;
        private boolean outputBias;
        private boolean mlpBias;
        private boolean tied;

        private Builder(int vocabularySize, int width, int heads, int headWidth, int mlpWidth) {
            this.vocabularySize = vocabularySize;
            this.width = width;
            this.heads = heads;
            this.headWidth = headWidth;
            this.mlpWidth = mlpWidth;
            this.keyValueHeads = heads;
            this.attentionScale = AttentionScale.dividingByRootOf(headWidth);
        }

        Builder keyValueHeads(int count) {
            keyValueHeads = count;
            return this;
        }

        Builder maxPositions(int tokens) {
            maxPositions = tokens;
            return this;
        }

        Builder learnedPositions(int count) {
            learnedPositions = OptionalInt.of(count);
            return this;
        }

        Builder attention(List<LayerAttention> layers) {
            attention = layers;
            return this;
        }

        Builder headNorms() {
            headNorms = true;
            return this;
        }

        Builder attentionScale(AttentionScale scale) {
            attentionScale = scale;
            return this;
        }

        Builder embeddingScale(double scale) {
            embeddingScale = (float) scale;
            return this;
        }

        Builder norm(NormKind kind, double epsilon) {
            norm = kind;
            normEpsilon = epsilon;
            return this;
        }

        Builder mlp(MlpKind kind, Activation between) {
            mlp = kind;
            activation = between;
            return this;
        }

        Builder residual(ResidualKind kind) {
            residual = kind;
            return this;
        }

        Builder linears(Linear.Layout layout) {
            linears = layout;
            return this;
        }

        Builder biases(boolean onQueriesKeysValues, boolean afterAttention, boolean onMlp) {
            attentionBias = onQueriesKeysValues;
            outputBias = afterAttention;
            mlpBias = onMlp;
            return this;
        }

        Builder tied(boolean headIsEmbedding) {
            tied = headIsEmbedding;
            return this;
        }

        DecoderSettings build() {
            return new DecoderSettings(
                    vocabularySize,
                    width,
                    heads,
                    keyValueHeads,
                    headWidth,
                    mlpWidth,
                    maxPositions,
                    learnedPositions,
                    attention,
                    headNorms,
                    attentionScale,
                    embeddingScale,
                    norm,
                    normEpsilon,
                    mlp,
                    activation,
                    residual,
                    linears,
                    attentionBias,
                    outputBias,
                    mlpBias,
                    tied);
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
