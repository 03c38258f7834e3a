package io.github.dpo4j.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * RMSNorm (Zhang and Sennrich 2019, arXiv 1910.07467) and LayerNorm (Ba et al. 2016, arXiv 1607.06450) around a float32
 * residual stream [T, width]: what a layer adds to the stream is added in the same pass that normalises it.
 */
public final class Norms {
    /** Rows whose sums are kept apart from the next rows'. */
    public static final int ROWS_A_SUM = 16;

    private Norms() {}

    /**
     * A norm's parameters, float32 [width] each.
     *
     * @param base what weights are added to: 1 where they say by how much they differ from 1
     * @param bias null for an RMSNorm
     * @param centred LayerNorm: the mean is taken off first
     */
    public record Norm(
            MemorySegment weight, float base, @Nullable MemorySegment bias, boolean centred, double epsilon) {
        float[] gain(int width) {
            float[] gain = Vectors.read(weight, width);
            for (int i = 0; i < width && base != 0; i++) {
                gain[i] += base;
            }
            return gain;
        }

        float @Nullable [] shift(int width) {
            return bias == null ? null : Vectors.read(bias, width);
        }
    }

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
            Part part, Rows residual, List<Addend> addends, Norm norm, Rows normalized, Rows inverse, Rows out) {
        int width = residual.width();
        float[] weight = norm.gain(width);
        float[] bias = norm.shift(width);
        float[][] addedBiases = biases(addends, width);
        float[] x = part.scratch().floats(0, width);
        float[] added = part.scratch().floats(1, width);
        float[] one = part.scratch().floats(2, 1);
        for (int row = part.from(); row < part.to(); row++) {
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
    }

    /** Adds to the residual stream alone. */
    public static void add(Part part, Rows residual, List<Addend> addends) {
        int width = residual.width();
        float[][] addedBiases = biases(addends, width);
        float[] x = part.scratch().floats(0, width);
        float[] added = part.scratch().floats(1, width);
        for (int row = part.from(); row < part.to(); row++) {
            residual.load(row, x);
            add(addends, addedBiases, row, x, added, width);
            residual.store(row, x);
        }
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

    /**
     * The sums over rows of backward: the gradients of a norm's weight and bias. A few rows' sums at a time, added in order,
     * give the same bits whichever thread had which rows.
     */
    public static final class Sums {
        private final float[][] weight;
        private final float[][] bias;
        private final int width;

        /** Sums of zero over parts that begin at multiples of {@link #ROWS_A_SUM}. */
        public Sums(int rows, int width, boolean withBias) {
            int count = Math.ceilDiv(rows, ROWS_A_SUM);
            this.width = width;
            this.weight = new float[count][Lanes.padded(width)];
            this.bias = new float[withBias ? count : 0][Lanes.padded(width)];
        }

        /** Adds a row's, multiplies g by the norm's weights, and returns the dot product of that and x. */
        private float add(int row, float[] g, float[] x, float[] weights) {
            if (bias.length > 0) {
                Vectors.add(bias[row / ROWS_A_SUM], g, width);
            }
            float[] sum = weight[row / ROWS_A_SUM];
            FloatVector dot = FloatVector.zero(Lanes.F);
            for (int i = 0; i < width; i += Lanes.COUNT) {
                FloatVector upstream = FloatVector.fromArray(Lanes.F, g, i);
                FloatVector normalized = FloatVector.fromArray(Lanes.F, x, i);
                upstream.fma(normalized, FloatVector.fromArray(Lanes.F, sum, i)).intoArray(sum, i);
                FloatVector scaled = upstream.mul(FloatVector.fromArray(Lanes.F, weights, i));
                scaled.intoArray(g, i);
                dot = scaled.fma(normalized, dot);
            }
            return Lanes.sum(dot);
        }

        /** Adds to float32 gradients of [width]; null for a frozen norm, or one without a bias. */
        public void addTo(@Nullable MemorySegment weightGradient, @Nullable MemorySegment biasGradient) {
            if (weightGradient != null) {
                Gradients.addSums(weight, weightGradient, width);
            }
            if (biasGradient != null) {
                Gradients.addSums(bias, biasGradient, width);
            }
        }
    }

    /**
     * Backward of {@link #forward}: adds to the residual stream's gradient and to the sums over rows.
     *
     * @param outGradient gradient of what the norm gave out
     * @param residualGradient float32, read and written
     * @param copy gets the residual's gradient in the compute type for the products that come next; null for none
     * @param again gets what forward gave out, made of the normalized rows as they were saved; null for none
     */
    public static void backward(
            Part part,
            Rows outGradient,
            Rows normalized,
            Rows inverse,
            Norm norm,
            Rows residualGradient,
            @Nullable Rows copy,
            @Nullable Rows again,
            Sums sums) {
        int width = normalized.width();
        float[] weight = norm.gain(width);
        float[] bias = norm.shift(width);
        float[] g = part.scratch().floats(0, width);
        float[] x = part.scratch().floats(1, width);
        float[] dx = part.scratch().floats(2, width);
        for (int row = part.from(); row < part.to(); row++) {
            outGradient.load(row, g);
            normalized.load(row, x);
            residualGradient.load(row, dx);
            backward(row, g, x, weight, norm.centred(), inverse.get(row), dx, width, sums);
            residualGradient.store(row, dx);
            if (copy != null) {
                copy.store(row, dx);
            }
            if (again != null) {
                scale(x, weight, bias, width);
                again.store(row, x);
            }
        }
    }

    /** Normalises what a branch gives, its product's bias added, before the stream gets it, in place; keeps what {@link #backward} reads. */
    public static void ofBranch(
            Part part, Rows branch, @Nullable MemorySegment productBias, Norm norm, Rows normalized, Rows inverse) {
        int width = branch.width();
        float[] added = productBias == null ? new float[0] : Vectors.read(productBias, width);
        float[] weight = norm.gain(width);
        float[] bias = norm.shift(width);
        float[] x = part.scratch().floats(0, width);
        float[] one = part.scratch().floats(1, 1);
        for (int row = part.from(); row < part.to(); row++) {
            branch.load(row, x);
            if (added.length > 0) {
                Vectors.add(x, added, width);
            }
            one[0] = normalize(x, width, norm.centred(), norm.epsilon());
            inverse.store(row, one);
            normalized.store(row, x);
            scale(x, weight, bias, width);
            branch.store(row, x);
        }
    }

    /** Backward of {@link #ofBranch}: fills the branch's gradient from the stream's. */
    public static void ofBranchBackward(
            Part part, Rows outGradient, Rows normalized, Rows inverse, Norm norm, Rows branchGradient, Sums sums) {
        int width = normalized.width();
        float[] weight = norm.gain(width);
        float[] g = part.scratch().floats(0, width);
        float[] x = part.scratch().floats(1, width);
        float[] dx = part.scratch().floats(2, width);
        for (int row = part.from(); row < part.to(); row++) {
            outGradient.load(row, g);
            normalized.load(row, x);
            Arrays.fill(dx, 0, width, 0);
            backward(row, g, x, weight, norm.centred(), inverse.get(row), dx, width, sums);
            branchGradient.store(row, dx);
        }
    }

    /** Adds to dx the gradient of what was normalised to x, given that of what the norm gave, which it spoils, and to the sums. */
    static void backward(
            int row,
            float[] g,
            float[] x,
            float[] weight,
            boolean centred,
            float inverse,
            float[] dx,
            int width,
            Sums sums) {
        float alongX = sums.add(row, g, x, weight) / width;
        float mean = centred ? Vectors.sum(g, width) / width : 0;
        combine(dx, g, x, mean, alongX, inverse, width);
    }

    static float normalize(float[] x, int width, boolean centred, double epsilon) {
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
