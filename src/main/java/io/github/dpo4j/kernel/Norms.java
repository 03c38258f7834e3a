package io.github.dpo4j.kernel;

import java.lang.foreign.MemorySegment;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * RMSNorm (Zhang and Sennrich 2019, arXiv 1910.07467) and LayerNorm (Ba et al. 2016, arXiv 1607.06450) around a float32
 * residual stream [T, width]: what a layer adds to the stream is added in the same pass that normalises it.
 */
public final class Norms {
    private static final int ROWS_A_CHUNK = 16;

    private Norms() {}

    /**
     * A norm's parameters, float32 [width] each.
     *
     * @param bias null for an RMSNorm
     * @param centred LayerNorm: the mean is taken off first
     */
    public record Norm(MemorySegment weight, @Nullable MemorySegment bias, boolean centred, double epsilon) {}

    /** What a product adds to the residual stream: [T, width] and perhaps its bias, float32 [width]. */
    public record Addend(Rows rows, @Nullable MemorySegment bias) {}

    /**
     * Adds to the residual stream and normalises it.
     *
     * @param residual float32, read and written
     * @param normalized gets the stream with mean 0 and variance 1 (or mean square 1), before weight and bias
     * @param inverse gets 1 / standard deviation (or root mean square) of each row, float32 [T, 1]
     * @param out gets normalized x weight + bias
     */
    public static void forward(
            Team team, Rows residual, List<Addend> addends, Norm norm, Rows normalized, Rows inverse, Rows out) {
        int width = residual.width();
        float[] weight = Vectors.read(norm.weight(), width);
        float[] bias = norm.bias() == null ? null : Vectors.read(norm.bias(), width);
        float[][] addedBiases = biases(addends, width);
        team.runRows(residual.rows(), ROWS_A_CHUNK, (from, to, scratch) -> {
            float[] x = scratch.floats(0, width);
            float[] added = scratch.floats(1, width);
            float[] one = scratch.floats(2, 1);
            for (int row = from; row < to; row++) {
                residual.load(row, x);
                add(addends, addedBiases, row, x, added, width);
                if (!addends.isEmpty()) {
                    residual.store(row, x);
                }
                one[0] = normalize(x, width, norm.centred(), norm.epsilon());
                inverse.store(row, one);
                normalized.store(row, x);
                scale(x, weight, bias, width);
                out.store(row, x);
            }
        });
    }

    /** Adds to the residual stream alone. */
    public static void add(Team team, Rows residual, List<Addend> addends) {
        int width = residual.width();
        float[][] addedBiases = biases(addends, width);
        team.runRows(residual.rows(), ROWS_A_CHUNK, (from, to, scratch) -> {
            float[] x = scratch.floats(0, width);
            float[] added = scratch.floats(1, width);
            for (int row = from; row < to; row++) {
                residual.load(row, x);
                add(addends, addedBiases, row, x, added, width);
                residual.store(row, x);
            }
        });
    }

    private static float[][] biases(List<Addend> addends, int width) {
        float[][] biases = new float[addends.size()][];
        for (int i = 0; i < biases.length; i++) {
            MemorySegment bias = addends.get(i).bias();
            biases[i] = bias == null ? new float[0] : Vectors.read(bias, width);
        }
        return biases;
    }

    private static void add(List<Addend> addends, float[][] biases, int row, float[] x, float[] added, int width) {
        for (int i = 0; i < biases.length; i++) {
            addends.get(i).rows().load(row, added);
            Vectors.add(x, added, width);
            if (biases[i].length > 0) {
                Vectors.add(x, biases[i], width);
            }
        }
    }

    /** Makes of saved normalized rows what {@link #forward} gave out. */
    public static void again(Team team, Rows normalized, Norm norm, Rows out) {
        int width = normalized.width();
        float[] weight = Vectors.read(norm.weight(), width);
        float[] bias = norm.bias() == null ? null : Vectors.read(norm.bias(), width);
        team.runRows(normalized.rows(), ROWS_A_CHUNK, (from, to, scratch) -> {
            float[] x = scratch.floats(0, width);
            for (int row = from; row < to; row++) {
                normalized.load(row, x);
                scale(x, weight, bias, width);
                out.store(row, x);
            }
        });
    }

    /**
     * Backward of {@link #forward}: adds to the residual stream's gradient, and to the weight's and bias's.
     *
     * @param outGradient gradient of what the norm gave out
     * @param residualGradient float32, read and written
     * @param copy gets the residual's gradient in the compute type for the products that come next; null for none
     * @param weightGradient float32 [width], added to, as is {@code biasGradient}; null for a frozen norm
     */
    public static void backward(
            Team team,
            Rows outGradient,
            Rows normalized,
            Rows inverse,
            Norm norm,
            Rows residualGradient,
            @Nullable Rows copy,
            @Nullable MemorySegment weightGradient,
            @Nullable MemorySegment biasGradient) {
        int width = normalized.width();
        int rows = normalized.rows();
        int padded = Lanes.padded(width);
        float[] weight = Vectors.read(norm.weight(), width);
        int chunks = Math.ceilDiv(rows, ROWS_A_CHUNK);
        // Partial sums a chunk, added in order: the same bits whichever thread had which chunk.
        float[][] weightSums = new float[chunks][padded];
        float[][] biasSums = new float[biasGradient == null ? 0 : chunks][padded];
        team.runRows(rows, ROWS_A_CHUNK, (from, to, scratch) -> {
            float[] g = scratch.floats(0, width);
            float[] x = scratch.floats(1, width);
            float[] dx = scratch.floats(2, width);
            for (int row = from; row < to; row++) {
                outGradient.load(row, g);
                normalized.load(row, x);
                multiplyAdd(weightSums[from / ROWS_A_CHUNK], g, x, width);
                if (biasSums.length > 0) {
                    Vectors.add(biasSums[from / ROWS_A_CHUNK], g, width);
                }
                Vectors.multiply(g, weight, width);
                float alongX = Vectors.dot(g, x, width) / width;
                float mean = norm.centred() ? Vectors.sum(g, width) / width : 0;
                residualGradient.load(row, dx);
                combine(dx, g, x, mean, alongX, inverse.get(row), width);
                residualGradient.store(row, dx);
                if (copy != null) {
                    copy.store(row, dx);
                }
            }
        });
        if (weightGradient != null) {
            Gradients.addSums(weightSums, weightGradient, width);
        }
        if (biasGradient != null) {
            Gradients.addSums(biasSums, biasGradient, width);
        }
    }

    private static float normalize(float[] x, int width, boolean centred, double epsilon) {
        if (centred) {
            shift(x, -Vectors.sum(x, width) / width, width);
        }
        float inverse = (float) (1 / Math.sqrt(Vectors.dot(x, x, width) / width + epsilon));
        Vectors.multiply(x, inverse, width);
        return inverse;
    }

    /** Adds {@code by} to the first n; the padding stays zero. */
    private static void shift(float[] x, float by, int n) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            FloatVector.fromArray(Lanes.F, x, i).add(by).intoArray(x, i);
        }
        for (; i < n; i++) {
            x[i] += by;
        }
    }

    private static void scale(float[] x, float[] weight, float @Nullable [] bias, int n) {
        Vectors.multiply(x, weight, n);
        if (bias != null) {
            Vectors.add(x, bias, n);
        }
    }

    private static void multiplyAdd(float[] sum, float[] a, float[] b, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector.fromArray(Lanes.F, a, i)
                    .fma(FloatVector.fromArray(Lanes.F, b, i), FloatVector.fromArray(Lanes.F, sum, i))
                    .intoArray(sum, i);
        }
    }

    /** dx += inverse (g - mean - alongX x). */
    private static void combine(float[] dx, float[] g, float[] x, float mean, float alongX, float inverse, int n) {
        FloatVector minusAlongX = FloatVector.broadcast(Lanes.F, -alongX);
        FloatVector factor = FloatVector.broadcast(Lanes.F, inverse);
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector part = FloatVector.fromArray(Lanes.F, x, i)
                    .fma(minusAlongX, FloatVector.fromArray(Lanes.F, g, i))
                    .sub(mean);
            part.fma(factor, FloatVector.fromArray(Lanes.F, dx, i)).intoArray(dx, i);
        }
    }
}
