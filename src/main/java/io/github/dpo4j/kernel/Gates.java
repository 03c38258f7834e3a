package io.github.dpo4j.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/** The element-wise middle of an MLP: act(gate) x up, or act(up), with the products' biases, forward and backward. */
public final class Gates {
    private static final float SQRT_HALF = (float) 0.70710678;
    private static final float SQRT_2_OVER_PI = (float) 0.79788456;
    private static final float CUBIC = (float) 0.044715;
    private static final float INVERSE_SQRT_2_PI = (float) 0.39894228;

    private Gates() {}

    /** The non-linearities that transformers names silu, gelu (exact), gelu_new and relu. */
    public enum Activation {
        SILU,
        GELU,
        GELU_TANH,
        RELU
    }

    /** Columns of a product's result, as many as there are inner features, from {@code column} on; and the product's bias, float32. */
    public record Input(Rows rows, @Nullable MemorySegment bias, int column) {
        float[] biasOrEmpty(int width) {
            return bias == null
                    ? new float[0]
                    : Vectors.read(bias.asSlice((long) column * Float.BYTES, (long) width * Float.BYTES), width);
        }

        private void store(int row, int width, float[] from) {
            rows.store(row, column, width, from);
        }
    }

    /** out = act(gate) x up, or act(up) where {@code gate} is null; out may be the memory of {@code up}. */
    public static void forward(Part part, Activation activation, @Nullable Input gate, Input up, Rows out) {
        int width = out.width();
        float[] gateBias = gate == null ? new float[0] : gate.biasOrEmpty(width);
        float[] upBias = up.biasOrEmpty(width);
        float[] u = part.scratch().floats(0, width);
        float[] g = part.scratch().floats(1, width);
        for (int row = part.from(); row < part.to(); row++) {
            load(up, upBias, row, width, u);
            if (gate == null) {
                activate(activation, u, u, width);
            } else {
                load(gate, gateBias, row, width, g);
                activate(activation, g, g, width);
                Vectors.multiply(u, g, width);
            }
            out.store(row, u);
        }
    }

    /**
     * Replaces gate and up (without their biases) by their gradients, given the gradient of what {@link #forward} gave, and
     * that gradient by what forward gave.
     */
    public static void backward(Part part, Activation activation, @Nullable Input gate, Input up, Rows inner) {
        int width = inner.width();
        float[] gateBias = gate == null ? new float[0] : gate.biasOrEmpty(width);
        float[] upBias = up.biasOrEmpty(width);
        float[] d = part.scratch().floats(0, width);
        float[] u = part.scratch().floats(1, width);
        float[] g = part.scratch().floats(2, width);
        float[] slope = part.scratch().floats(3, width);
        for (int row = part.from(); row < part.to(); row++) {
            inner.load(row, d);
            load(up, upBias, row, width, u);
            if (gate == null) {
                activate(activation, u, u, slope, width);
                Vectors.multiply(d, slope, width);
                inner.store(row, u);
                up.store(row, width, d);
            } else {
                load(gate, gateBias, row, width, g);
                activate(activation, g, g, slope, width);
                gradients(d, u, g, slope, width);
                inner.store(row, u);
                up.store(row, width, g);
                gate.store(row, width, d);
            }
        }
    }

    /** Given d, u, act(gate) in g, and its slope: leaves the gradient of gate in d, act(gate) u in u, the gradient of up in g. */
    private static void gradients(float[] d, float[] u, float[] g, float[] slope, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector upstream = FloatVector.fromArray(Lanes.F, d, i);
            FloatVector up = FloatVector.fromArray(Lanes.F, u, i);
            FloatVector activated = FloatVector.fromArray(Lanes.F, g, i);
            upstream.mul(up).mul(FloatVector.fromArray(Lanes.F, slope, i)).intoArray(d, i);
            activated.mul(up).intoArray(u, i);
            activated.mul(upstream).intoArray(g, i);
        }
    }

    private static void load(Input input, float[] bias, int row, int width, float[] into) {
        input.rows().load(row, input.column(), width, into);
        if (bias.length > 0) {
            Vectors.add(into, bias, width);
        }
    }

    private static void activate(Activation activation, float[] x, float[] out, int n) {
        switch (activation) {
            case SILU -> silu(x, out, n);
            case GELU -> gelu(x, out, n);
            case GELU_TANH -> geluTanh(x, out, n);
            case RELU -> relu(x, out, n);
        }
    }

    /** Values and derivatives at x; {@code out} may be x. */
    private static void activate(Activation activation, float[] x, float[] out, float[] slope, int n) {
        switch (activation) {
            case SILU -> silu(x, out, slope, n);
            case GELU -> gelu(x, out, slope, n);
            case GELU_TANH -> geluTanh(x, out, slope, n);
            case RELU -> relu(x, out, slope, n);
        }
    }

    private static void silu(float[] x, float[] out, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromArray(Lanes.F, x, i);
            v.mul(Lanes.sigmoid(v)).intoArray(out, i);
        }
    }

    /** x s and s (1 + x (1 - s)) with s = sigmoid x. */
    private static void silu(float[] x, float[] out, float[] slope, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromArray(Lanes.F, x, i);
            FloatVector s = Lanes.sigmoid(v);
            FloatVector one = FloatVector.broadcast(Lanes.F, 1f);
            s.mul(one.sub(s).fma(v, one)).intoArray(slope, i);
            v.mul(s).intoArray(out, i);
        }
    }

    /** Phi(x), the normal distribution. */
    private static FloatVector cumulative(FloatVector v) {
        return Lanes.erf(v.mul(SQRT_HALF)).add(1f).mul(0.5f);
    }

    private static void gelu(float[] x, float[] out, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromArray(Lanes.F, x, i);
            cumulative(v).mul(v).intoArray(out, i);
        }
    }

    /** x Phi(x) and Phi(x) + x phi(x). */
    private static void gelu(float[] x, float[] out, float[] slope, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromArray(Lanes.F, x, i);
            FloatVector cumulative = cumulative(v);
            FloatVector density = Lanes.exp(v.mul(v).mul(-0.5f)).mul(INVERSE_SQRT_2_PI);
            v.fma(density, cumulative).intoArray(slope, i);
            cumulative.mul(v).intoArray(out, i);
        }
    }

    private static void geluTanh(float[] x, float[] out, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromArray(Lanes.F, x, i);
            Lanes.tanh(inner(v)).add(1f).mul(0.5f).mul(v).intoArray(out, i);
        }
    }

    private static FloatVector inner(FloatVector v) {
        return v.mul(v).mul(v).mul(CUBIC).add(v).mul(SQRT_2_OVER_PI);
    }

    private static void geluTanh(float[] x, float[] out, float[] slope, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromArray(Lanes.F, x, i);
            FloatVector t = Lanes.tanh(inner(v));
            FloatVector innerSlope = v.mul(v).mul(3 * CUBIC).add(1f).mul(SQRT_2_OVER_PI);
            FloatVector one = FloatVector.broadcast(Lanes.F, 1f);
            FloatVector outer = one.sub(t.mul(t)).mul(innerSlope).mul(v);
            outer.add(t).add(1f).mul(0.5f).intoArray(slope, i);
            t.add(1f).mul(0.5f).mul(v).intoArray(out, i);
        }
    }

    private static void relu(float[] x, float[] out, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector.fromArray(Lanes.F, x, i).max(0f).intoArray(out, i);
        }
    }

    private static void relu(float[] x, float[] out, float[] slope, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromArray(Lanes.F, x, i);
            FloatVector zero = FloatVector.zero(Lanes.F);
            zero.blend(1f, v.compare(VectorOperators.GT, 0f)).intoArray(slope, i);
            v.max(0f).intoArray(out, i);
        }
    }
}
