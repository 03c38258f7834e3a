package io.github.dpo4j.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

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

    /** a += b from an offset of b. */
    static void add(float[] a, float[] b, int bFrom, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector.fromArray(Lanes.F, a, i)
                    .add(FloatVector.fromArray(Lanes.F, b, bFrom + i))
                    .intoArray(a, i);
        }
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
