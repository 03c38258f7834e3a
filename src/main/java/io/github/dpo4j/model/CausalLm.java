package io.github.dpo4j.model;

import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.model.fused.FusedDecoder;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.Tensors;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/** A decoder-only language model: token ids in, hidden states and next-token logits out. Its weights live in the scope it was loaded in. */
public final class CausalLm {
    private final DecoderSettings settings;
    private final ModelWeights weights;
    private final ComputeType computeType;
    private final Tensor embedding;
    private final @Nullable Tensor learnedPositions;
    private final List<DecoderLayer> layers;
    private final Norm finalNorm;
    private final Linear head;
    private final WeightNames names;
    private final @Nullable FusedDecoder fused;

    CausalLm(
            DecoderSettings settings,
            WeightNames names,
            ModelWeights weights,
            ComputeType computeType,
            Tensor embedding,
            @Nullable Tensor learnedPositions,
            List<DecoderLayer> layers,
            Norm finalNorm,
            Linear head) {
        this.settings = settings;
        this.weights = weights;
        this.computeType = computeType;
        this.embedding = embedding;
        this.learnedPositions = learnedPositions;
        this.layers = layers;
        this.finalNorm = finalNorm;
        this.head = head;
        this.names = names;
        this.fused =
                FusedDecoder.runsOn(weights.device()) ? new FusedDecoder(settings, names, weights, computeType) : null;
    }

    public DecoderSettings settings() {
        return settings;
    }

    /** Returns the weights that are trained where the model is: an adapter's, or all. */
    public Parameters parameters() {
        return weights.trained();
    }

    public ModelWeights weights() {
        return weights;
    }

    public ComputeType computeType() {
        return computeType;
    }

    public Device device() {
        return weights.device();
    }

    /** Returns a model over the same weights that computes in another type; it recomputes activations where this one does. */
    public CausalLm computingIn(ComputeType type) {
        CausalLm other =
                new CausalLm(settings, names, weights, type, embedding, learnedPositions, layers, finalNorm, head);
        other.recomputeActivations(fused != null && fused.recomputesActivations());
        return other;
    }

    /** Returns the same model with a hand-written backward, or null where only autograd can run: on a GPU. */
    public @Nullable FusedDecoder fused() {
        return fused;
    }

    /**
     * Trades time for memory: backward runs each layer's forward again instead of keeping its activations. Without effect where
     * {@link #fused} is null.
     */
    public void recomputeActivations(boolean on) {
        if (fused != null) {
            fused.recomputeActivations(on);
        }
    }

    /** Returns the hidden states after the final norm, [T, width] in the compute type. */
    public Tensor hidden(PackedTokens tokens) {
        return hidden(
                Tensors.ofInts(tokens.tokenIds(), device()),
                Tensors.ofInts(tokens.positions(), device()),
                new PackedAttention(tokens.segments(), device(), computeType.scalarType()));
    }

    /** As {@link #hidden(PackedTokens)} with another attention; ids and positions are int64 [T]. */
    public Tensor hidden(Tensor tokenIds, Tensor positions, AttentionContext context) {
        Tensor x = torch.embedding(embedding, tokenIds).to(computeType.scalarType());
        if (settings.embeddingScale() != 1) {
            x = x.mul(new Scalar(settings.embeddingScale()));
        }
        if (learnedPositions != null) {
            x = x.add(torch.embedding(learnedPositions, positions).to(computeType.scalarType()));
        }
        Map<Rotary, RotaryTable> tables = new HashMap<>();
        for (DecoderLayer layer : layers) {
            RotaryTable table = layer.positions()
                    .rotary()
                    .map(rotary -> tables.computeIfAbsent(
                            rotary, r -> RotaryTable.of(r, positions, device(), computeType.scalarType())))
                    .orElse(null);
            x = layer.apply(x, table, context);
        }
        return finalNorm.apply(x);
    }

    /** Returns next-token logits, float32 [S, vocabulary], of hidden states [S, width]. */
    public Tensor logits(Tensor hidden) {
        return head.apply(hidden).to(ScalarType.Float);
    }
}
