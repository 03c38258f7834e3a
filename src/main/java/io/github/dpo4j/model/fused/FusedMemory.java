package io.github.dpo4j.model.fused;

import io.github.dpo4j.model.DecoderSettings;
import io.github.dpo4j.torch.ComputeType;

/**
 * What a fused pass needs beside weights, gradients and optimizer states: what {@link FusedPass} takes of its workspaces.
 *
 * @param backward whether activations are kept, and gradients made of them
 * @param recompute as in {@link FusedDecoder#recomputeActivations}
 */
public record FusedMemory(
        DecoderSettings settings,
        ComputeType type,
        AdapterWidths adapter,
        boolean backward,
        boolean recompute,
        int threads) {
    /**
     * What an adapter keeps of each token in a layer, in numbers.
     *
     * @param ranks of all its modules
     * @param outputs of those whose rows have trained lengths
     * @param inputs of those before which something falls out
     */
    public record AdapterWidths(long ranks, long outputs, long inputs) {
        public static final AdapterWidths NONE = new AdapterWidths(0, 0, 0);
    }

    /** Counts a pass with its backward. */
    public static FusedMemory of(DecoderSettings settings, ComputeType type, AdapterWidths adapter, boolean recompute) {
        return new FusedMemory(
                settings, type, adapter, true, recompute, FusedDecoder.team().threads());
    }

    /** Counts a pass without backward, which has one layer at a time. */
    public static FusedMemory ofForward(DecoderSettings settings, ComputeType type) {
        return new FusedMemory(
                settings,
                type,
                AdapterWidths.NONE,
                false,
                false,
                FusedDecoder.team().threads());
    }

    /** Returns the bytes of a pack of {@code tokens}, at most: they may be one example, and all be scored. */
    public long bytes(long tokens) {
        return tokens * bytesPerToken() + beside(tokens);
    }

    /** Returns the bytes that grow in proportion to the tokens. */
    public long bytesPerToken() {
        long width = settings.width();
        long stream = Float.BYTES * width;
        if (!backward) {
            return stream + around() + layer() + element() * (width + queries() + widest());
        }
        long kept = recompute ? settings.layers() * stream + layer() : settings.layers() * layer();
        long streamGradients = stream + 3 * element() * width;
        long ofBranches = settings.residual() == DecoderSettings.ResidualKind.SANDWICH ? 2 * width : 0;
        long layerGradients = element() * (inner() + 2 * width + queries() + 2 * keys() + ofBranches);
        long ofAdapter = element() * (adapter.ranks() + 2 * adapter.inputs() + adapter.outputs());
        long branches = sides() + element() * (2 * queries() + width);
        long again = recompute ? element() * 2 * width : 0;
        return stream + around() + kept + streamGradients + layerGradients + ofAdapter + branches + again;
    }

    /** Returns the bytes of ranges of logits, scores and tiles for a pack of {@code tokens}; they come one after the other. */
    public long beside(long tokens) {
        long attention = FusedAttention.bytes(settings, tokens, backward, element(), threads);
        long head = FusedHead.bytes(settings, tokens, backward, element(), threads);
        return Math.max(attention, Math.max(head, backward ? WeightGradients.tileBytes(element(), threads) : 0));
    }

    private long element() {
        return type == ComputeType.BFLOAT16 ? Short.BYTES : Float.BYTES;
    }

    private long queries() {
        return (long) settings.heads() * settings.headWidth();
    }

    private long keys() {
        return (long) settings.keyValueHeads() * settings.headWidth();
    }

    private long inner() {
        return settings.mlpWidth();
    }

    private long widest() {
        return Math.max(queries() + 2 * keys(), inner());
    }

    /** Attention rounds a pair up to a round number of rows: an eighth more for pairs of a hundred tokens. */
    private long sides() {
        long exact = element() * (queries() + 2 * keys()) + (long) Float.BYTES * settings.heads();
        return exact + exact / 4;
    }

    /** What a layer's backward reads. */
    private long layer() {
        long gates = settings.mlp() == DecoderSettings.MlpKind.GATED ? 2 : 1;
        long norms = settings.residual() == DecoderSettings.ResidualKind.SANDWICH ? 4 : 2;
        long beforeNorms = settings.headNorms() ? element() * (queries() + 2 * keys()) : 0;
        return norms * (element() * settings.width() + Float.BYTES)
                + sides()
                + beforeNorms
                + element() * (adapter.ranks() + adapter.outputs())
                + element() * queries()
                + element() * gates * inner();
    }

    /** What is added to the stream, and the last norm with its scored rows. */
    private long around() {
        return Float.BYTES + element() * 4 * settings.width();
    }
}
