package io.github.dpo4j.kernel;

import java.util.Arrays;

/** One thread's float arrays, kept from call to call so that kernels allocate nothing. */
public final class Scratch {
    private float[][] arrays = new float[8][];

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
