package io.github.dpo4j.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width of this machine and arithmetic on whole vectors. Everything here is made of operations that give the same
 * bits whether a loop is interpreted or compiled: the platform's own exp and lane sums do not promise that.
 */
final class Lanes {
    static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
    static final VectorSpecies<Short> H = VectorSpecies.of(short.class, VectorShape.forBitSize(F.vectorBitSize() / 2));
    static final int COUNT = F.length();

    private static final VectorShuffle<Float> BY_8 = VectorShuffle.iota(F, 8, 1, true);
    private static final VectorShuffle<Float> BY_4 = VectorShuffle.iota(F, 4, 1, true);
    private static final VectorShuffle<Float> BY_2 = VectorShuffle.iota(F, 2, 1, true);

    private static final float LOG2_E = (float) 1.442695041;
    private static final float LN2_HIGH = (float) 0.693359375;
    private static final float LN2_LOW = (float) -2.12194440e-4;
    /** Adding it rounds to an integer, which is then in the low bits. */
    private static final float ROUNDER = 12582912f;

    private static final float LOWEST_EXP = -87f;
    private static final float HIGHEST_EXP = 88f;

    private Lanes() {}

    /** Returns the least multiple of the vector length that holds {@code n}. */
    static int padded(int n) {
        return Math.ceilDiv(n, COUNT) * COUNT;
    }

    /** Returns e^x to about 1e-7 (relative); below -87 it stays at 1.6e-38, above 88 at 1.7e38. Cephes' polynomial. */
    static FloatVector exp(FloatVector x) {
        FloatVector bounded = x.max(LOWEST_EXP).min(HIGHEST_EXP);
        FloatVector shifted = bounded.fma(FloatVector.broadcast(F, LOG2_E), FloatVector.broadcast(F, ROUNDER));
        FloatVector n = shifted.sub(ROUNDER);
        FloatVector r = n.fma(FloatVector.broadcast(F, -LN2_HIGH), bounded);
        r = n.fma(FloatVector.broadcast(F, -LN2_LOW), r);
        FloatVector p = FloatVector.broadcast(F, (float) 1.9875691500e-4);
        p = p.fma(r, FloatVector.broadcast(F, (float) 1.3981999507e-3));
        p = p.fma(r, FloatVector.broadcast(F, (float) 8.3334519073e-3));
        p = p.fma(r, FloatVector.broadcast(F, (float) 4.1665795894e-2));
        p = p.fma(r, FloatVector.broadcast(F, (float) 1.6666665459e-1));
        p = p.fma(r, FloatVector.broadcast(F, (float) 5.0000001201e-1));
        p = p.fma(r.mul(r), r).add(1f);
        IntVector scale = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        return p.reinterpretAsInts().add(scale).reinterpretAsFloats();
    }

    /** Returns 1 / (1 + e^-x). */
    static FloatVector sigmoid(FloatVector x) {
        return FloatVector.broadcast(F, 1f).div(exp(x.neg()).add(1f));
    }

    /** Returns tanh x = 1 - 2 / (e^2x + 1). */
    static FloatVector tanh(FloatVector x) {
        return FloatVector.broadcast(F, 1f)
                .sub(FloatVector.broadcast(F, 2f).div(exp(x.add(x)).add(1f)));
    }

    /** Returns erf x to 5e-7: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26. */
    static FloatVector erf(FloatVector x) {
        FloatVector a = x.abs();
        FloatVector t = FloatVector.broadcast(F, 1f)
                .div(a.fma(FloatVector.broadcast(F, (float) 0.3275911), FloatVector.broadcast(F, 1f)));
        FloatVector p = FloatVector.broadcast(F, (float) 1.061405429);
        p = p.fma(t, FloatVector.broadcast(F, (float) -1.453152027));
        p = p.fma(t, FloatVector.broadcast(F, (float) 1.421413741));
        p = p.fma(t, FloatVector.broadcast(F, (float) -0.284496736));
        p = p.fma(t, FloatVector.broadcast(F, (float) 0.254829592));
        FloatVector positive =
                FloatVector.broadcast(F, 1f).sub(p.mul(t).mul(exp(a.mul(a).neg())));
        return positive.blend(positive.neg(), x.lt(0f));
    }

    /** Returns the sum of the lanes, always in the same order: halves are added until one lane is left. */
    static float sum(FloatVector v) {
        FloatVector sum = v;
        if (COUNT > 8) {
            sum = sum.add(sum.rearrange(BY_8));
        }
        if (COUNT > 4) {
            sum = sum.add(sum.rearrange(BY_4));
        }
        if (COUNT > 2) {
            sum = sum.add(sum.rearrange(BY_2));
        }
        return sum.lane(0) + sum.lane(1);
    }
}
