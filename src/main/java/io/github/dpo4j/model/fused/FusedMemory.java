package io.github.dpo4j.model.fused;

import io.github.dpo4j.model.DecoderSettings;
import io.github.dpo4j.torch.ComputeType;

/**
 * What a fused pass with backward needs beside weights, gradients and optimizer states.
 *
 * @param bytesPerToken activations and scratch that grow with the tokens of a pack
 * @param fixedBytes what one product or one range of logits needs, whatever the pack
 */
public record FusedMemory(long bytesPerToken, long fixedBytes) {

    /** Counts what {@link FusedPass} takes; {@code recompute} as in {@link FusedDecoder#recomputeActivations}. */
    public static FusedMemory of(DecoderSettings settings, ComputeType type, boolean recompute) {
        long element = type == ComputeType.BFLOAT16 ? 2 : 4;
        long width = settings.width();
        long queries = (long) settings.heads() * settings.headWidth();
        long keys = (long) settings.keyValueHeads() * settings.headWidth();
        long inner = settings.mlpWidth();
        long gates = settings.mlp() == DecoderSettings.MlpKind.GATED ? 2 : 1;
        long floats = Float.BYTES;
        long sides = element * (queries + 2 * keys) + floats * settings.heads();
        long layer = 2 * (element * width + floats) + sides + element * queries + element * gates * inner;
        long kept = recompute ? settings.layers() * floats * width + layer : settings.layers() * layer;
        long around = floats * width + element * 2 * width + element * 2 * width + floats;
        long gradients = floats * width + element * width + element * 2 * width;
        long again = recompute ? element * 2 * width + element * inner : 0;
        long mlp = element * inner;
        long attention = 2 * element * queries + sides + element * (queries + 2 * keys);
        long largest = Math.max(width * Math.max(inner, queries), FusedHead.LOGITS_AT_A_TIME);
        return new FusedMemory(kept + around + gradients + again + Math.max(mlp, attention), 3 * element * largest);
    }

    /** Returns the bytes of a pack of {@code tokens}. */
    public long bytes(long tokens) {
        return fixedBytes + tokens * bytesPerToken;
    }
}
