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

    /** A product's result [T, inner] and its bias, float32 [inner]. */
    public record Input(Rows rows, @Nullable MemorySegment bias) {
        float[] biasOrEmpty() {
            return bias == null ? new float[0] : Vectors.read(bias, rows.width());
        }
    }

    /** out = act(gate) x up, or act(up) where {@code gate} is null; out may be the memory of {@code up}. */
    public static void forward(Part part, Activation activation, @Nullable Input gate, Input up, Rows out) {
        int width = out.width();
        float[] gateBias = gate == null ? new float[0] : gate.biasOrEmpty();
        float[] upBias = up.biasOrEmpty();
        float[] u = part.scratch().floats(0, width);
        float[] g = part.scratch().floats(1, width);
        for (int row = part.from(); row < part.to(); row++) {
            load(up, upBias, row, u);
            if (gate == null) {
                activate(activation, u, u, width);
            } else {
                load(gate, gateBias, row, g);
                activate(activation, g, g, width);
                Vectors.multiply(u, g, width);
            }
            out.store(row, u);
        }
    }

    /** Replaces gate and up (without their biases) by their gradients, given the gradient of what {@link #forward} gave. */
    public static void backward(Part part, Activation activation, @Nullable Input gate, Input up, Rows outGradient) {
        int width = outGradient.width();
        float[] gateBias = gate == null ? new float[0] : gate.biasOrEmpty();
        float[] upBias = up.biasOrEmpty();
        float[] d = part.scratch().floats(0, width);
        float[] u = part.scratch().floats(1, width);
        float[] g = part.scratch().floats(2, width);
        float[] a = part.scratch().floats(3, width);
        for (int row = part.from(); row < part.to(); row++) {
            outGradient.load(row, d);
            load(up, upBias, row, u);
            if (gate == null) {
                slope(activation, u, a, width);
                Vectors.multiply(d, a, width);
                up.rows().store(row, d);
            } else {
                load(gate, gateBias, row, g);
                activate(activation, g, a, width);
                Vectors.multiply(a, d, width);
                up.rows().store(row, a);
                slope(activation, g, a, width);
                Vectors.multiply(d, u, width);
                Vectors.multiply(d, a, width);
                gate.rows().store(row, d);
            }
        }
    }

    private static void load(Input input, float[] bias, int row, float[] into) {
        input.rows().load(row, into);
        if (bias.length > 0) {
            Vectors.add(into, bias, input.rows().width());
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

    /** Derivatives at x. */
    private static void slope(Activation activation, float[] x, float[] out, int n) {
        switch (activation) {
            case SILU -> siluSlope(x, out, n);
            case GELU -> geluSlope(x, out, n);
            case GELU_TANH -> geluTanhSlope(x, out, n);
            case RELU -> reluSlope(x, out, n);
        }
    }

    private static void silu(float[] x, float[] out, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromArray(Lanes.F, x, i);
            v.div(Lanes.exp(v.neg()).add(1f)).intoArray(out, i);
        }
    }

    /** s (1 + x (1 - s)) with s = sigmoid x. */
    private static void siluSlope(float[] x, float[] out, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromArray(Lanes.F, x, i);
            FloatVector s = Lanes.sigmoid(v);
            FloatVector one = FloatVector.broadcast(Lanes.F, 1f);
            s.mul(one.sub(s).fma(v, one)).intoArray(out, i);
        }
    }

    /** x Phi(x). */
    private static void gelu(float[] x, float[] out, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromArray(Lanes.F, x, i);
            Lanes.erf(v.mul(SQRT_HALF)).add(1f).mul(0.5f).mul(v).intoArray(out, i);
        }
    }

    /** Phi(x) + x phi(x). */
    private static void geluSlope(float[] x, float[] out, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromArray(Lanes.F, x, i);
            FloatVector cumulative = Lanes.erf(v.mul(SQRT_HALF)).add(1f).mul(0.5f);
            FloatVector density = Lanes.exp(v.mul(v).mul(-0.5f)).mul(INVERSE_SQRT_2_PI);
            v.fma(density, cumulative).intoArray(out, i);
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

    private static void geluTanhSlope(float[] x, float[] out, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromArray(Lanes.F, x, i);
            FloatVector t = Lanes.tanh(inner(v));
            FloatVector innerSlope = v.mul(v).mul(3 * CUBIC).add(1f).mul(SQRT_2_OVER_PI);
            FloatVector one = FloatVector.broadcast(Lanes.F, 1f);
            FloatVector outer = one.sub(t.mul(t)).mul(innerSlope).mul(v);
            outer.add(t).add(1f).mul(0.5f).intoArray(out, i);
        }
    }

    private static void relu(float[] x, float[] out, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector.fromArray(Lanes.F, x, i).max(0f).intoArray(out, i);
        }
    }

    private static void reluSlope(float[] x, float[] out, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromArray(Lanes.F, x, i);
            FloatVector zero = FloatVector.zero(Lanes.F);
            zero.blend(1f, v.compare(VectorOperators.GT, 0f)).intoArray(out, i);
        }
    }
}
