package io.github.dpo4j.kernel;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Copies numbers from one type to another. */
public final class Conversion {
    private static final int ELEMENTS_A_CHUNK = 1 << 13;

    private Conversion() {}

    /** Elements of float32 or bfloat16 in a row. */
    public record Numbers(MemorySegment memory, boolean half) {
        private int bytes() {
            return half ? Short.BYTES : Float.BYTES;
        }

        long elements() {
            return memory.byteSize() / bytes();
        }

        private Numbers slice(long from, int n) {
            return new Numbers(memory.asSlice(from * bytes(), (long) n * bytes()), half);
        }
    }

    /** Copies all elements; returns whether every one was finite. */
    public static boolean copy(Team team, Numbers from, Numbers to) {
        long elements = from.elements();
        AtomicBoolean finite = new AtomicBoolean(true);
        team.run(Math.toIntExact(Math.ceilDiv(elements, ELEMENTS_A_CHUNK)), (chunk, scratch) -> {
            long first = (long) chunk * ELEMENTS_A_CHUNK;
            int n = (int) Math.min(ELEMENTS_A_CHUNK, elements - first);
            float[] numbers = scratch.floats(0, n);
            rows(from.slice(first, n)).read(0, n, numbers);
            if (!finite(numbers, n)) {
                finite.set(false);
            }
            rows(to.slice(first, n)).write(0, n, numbers);
        });
        return finite.get();
    }

    /** Rounds n float32 elements, a whole number of vectors, to bfloat16. */
    static void round(MemorySegment from, MemorySegment to, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector x = FloatVector.fromMemorySegment(Lanes.F, from, (long) i * Float.BYTES, LITTLE_ENDIAN);
            Rows.putHalf(x, to, (long) i * Short.BYTES);
        }
    }

    /** x - x is 0 for a finite x and NaN for all others, and NaN survives every sum. */
    private static boolean finite(float[] x, int n) {
        FloatVector zeros = FloatVector.zero(Lanes.F);
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromArray(Lanes.F, x, i);
            zeros = zeros.add(v.sub(v));
        }
        return !zeros.test(VectorOperators.IS_NAN).anyTrue();
    }

    private static Rows rows(Numbers numbers) {
        return new Rows(numbers.memory(), numbers.half(), 1, 1);
    }
}
