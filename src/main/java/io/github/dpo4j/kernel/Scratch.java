package io.github.dpo4j.kernel;

import java.util.Arrays;

/** One thread's float arrays, kept from call to call so that kernels allocate nothing. */
public final class Scratch {
    private final int thread;
    private float[][] arrays = new float[8][];

    /** {@code thread} counts the threads of a team from 0. */
    public Scratch(int thread) {
        this.thread = thread;
    }

    /** Returns which thread of its team this one belongs to, from 0. */
    public int thread() {
        return thread;
    }

    /** Returns array {@code number} with room for {@code n} floats and a vector's worth beyond; contents are left over. */
    float[] floats(int number, int n) {
        if (number >= arrays.length) {
            arrays = Arrays.copyOf(arrays, number + 8);
        }
        float[] array = arrays[number];
        int room = Lanes.padded(n);
        if (array == null || array.length < room) {
            array = new float[room];
            arrays[number] = array;
        }
        return array;
    }
}
