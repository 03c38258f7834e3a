package io.github.dpo4j.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Loops over float arrays whose length is a whole number of vectors. */
final class Vectors {
    private Vectors() {}

    /** Reads float32 values, padded with zeros to a whole vector. */
    static float[] read(MemorySegment memory, int n) {
        float[] values = new float[Lanes.padded(n)];
        new Rows(memory, false, 1, n).load(0, values);
        return values;
    }

    /** a += b. */
    static void add(float[] a, float[] b, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector.fromArray(Lanes.F, a, i)
                    .add(FloatVector.fromArray(Lanes.F, b, i))
                    .intoArray(a, i);
        }
    }

    /** a *= b. */
    static void multiply(float[] a, float[] b, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector.fromArray(Lanes.F, a, i)
                    .mul(FloatVector.fromArray(Lanes.F, b, i))
                    .intoArray(a, i);
        }
    }

    /** a *= by. */
    static void multiply(float[] a, float by, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector.fromArray(Lanes.F, a, i).mul(by).intoArray(a, i);
        }
    }

    /** Fills what lies between n and the end of its vector. */
    static void pad(float[] a, int n, float value) {
        for (int i = n; i < Lanes.padded(n); i++) {
            a[i] = value;
        }
    }

    /** Returns the largest element, the padding included. */
    static float largest(float[] a, int n) {
        FloatVector largest = FloatVector.broadcast(Lanes.F, -Float.MAX_VALUE);
        for (int i = 0; i < n; i += Lanes.COUNT) {
            largest = largest.max(FloatVector.fromArray(Lanes.F, a, i));
        }
        return largest.reduceLanes(VectorOperators.MAX);
    }

    static float sum(float[] a, int n) {
        FloatVector sum = FloatVector.zero(Lanes.F);
        for (int i = 0; i < n; i += Lanes.COUNT) {
            sum = sum.add(FloatVector.fromArray(Lanes.F, a, i));
        }
        return Lanes.sum(sum);
    }

    static float dot(float[] a, float[] b, int n) {
        FloatVector sum = FloatVector.zero(Lanes.F);
        for (int i = 0; i < n; i += Lanes.COUNT) {
            sum = FloatVector.fromArray(Lanes.F, a, i).fma(FloatVector.fromArray(Lanes.F, b, i), sum);
        }
        return Lanes.sum(sum);
    }
}
