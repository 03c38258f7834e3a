package io.github.dpo4j.model.fused;

import io.github.dpo4j.model.DecoderSettings;
import io.github.dpo4j.torch.ComputeType;

/**
 * What a fused pass needs beside weights, gradients and optimizer states.
 *
 * @param bytesPerToken activations and scratch that grow with the tokens of a pack
 * @param fixedBytes what one product or one range of logits needs, whatever the pack
 */
public record FusedMemory(long bytesPerToken, long fixedBytes) {

    /** Counts what {@link FusedPass} takes with backward; {@code recompute} as in {@link FusedDecoder#recomputeActivations}. */
    public static FusedMemory of(DecoderSettings settings, ComputeType type, boolean recompute) {
        long element = element(type);
        long width = settings.width();
        long queries = queries(settings);
        long keys = keys(settings);
        long inner = settings.mlpWidth();
        long floats = Float.BYTES;
        long layer = layer(settings, element);
        long kept = recompute ? settings.layers() * floats * width + layer : settings.layers() * layer;
        long gradients = floats * width + element * width + element * 2 * width;
        long again = recompute ? element * 2 * width + element * inner : 0;
        long mlp = element * inner;
        long attention = 2 * element * queries + sides(settings, element) + element * (queries + 2 * keys);
        long largest = Math.max(width * Math.max(inner, queries), FusedHead.LOGITS_AT_A_TIME);
        return new FusedMemory(
                kept + around(settings, element) + gradients + again + Math.max(mlp, attention), 3 * element * largest);
    }

    /** Counts what a pass without backward takes: one layer at a time. */
    public static FusedMemory ofForward(DecoderSettings settings, ComputeType type) {
        long element = element(type);
        long queries = queries(settings);
        long widest = Math.max(2 * keys(settings), settings.mlpWidth());
        long scratch = element * (settings.width() + queries + widest);
        return new FusedMemory(
                around(settings, element) + layer(settings, element) + scratch, element * FusedHead.LOGITS_AT_A_TIME);
    }

    private static long element(ComputeType type) {
        return type == ComputeType.BFLOAT16 ? 2 : 4;
    }

    private static long queries(DecoderSettings settings) {
        return (long) settings.heads() * settings.headWidth();
    }

    private static long keys(DecoderSettings settings) {
        return (long) settings.keyValueHeads() * settings.headWidth();
    }

    private static long sides(DecoderSettings settings, long element) {
        return element * (queries(settings) + 2 * keys(settings)) + (long) Float.BYTES * settings.heads();
    }

    /** What a layer's backward reads. */
    private static long layer(DecoderSettings settings, long element) {
        long gates = settings.mlp() == DecoderSettings.MlpKind.GATED ? 2 : 1;
        return 2 * (element * settings.width() + Float.BYTES)
                + sides(settings, element)
                + element * queries(settings)
                + element * gates * settings.mlpWidth();
    }

    /** The stream, what is added to it, and the last norm with its scored rows. */
    private static long around(DecoderSettings settings, long element) {
        return Float.BYTES * (settings.width() + 1L) + element * 4 * settings.width();
    }

    /** Returns the bytes of a pack of {@code tokens}. */
    public long bytes(long tokens) {
        return fixedBytes + tokens * bytesPerToken;
    }
}
