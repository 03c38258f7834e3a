package io.github.dpo4j.kernel;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Copies numbers from one type to another. */
public final class Conversion {
    private static final int ELEMENTS_A_CHUNK = 1 << 15;

    private Conversion() {}

    /** Elements of float32 or bfloat16 in a row. */
    public record Numbers(MemorySegment memory, boolean half) {
        long elements() {
            return memory.byteSize() / (half ? Short.BYTES : Float.BYTES);
        }

        FloatVector get(long i) {
            return half
                    ? Rows.half(memory, i * Short.BYTES)
                    : FloatVector.fromMemorySegment(Lanes.F, memory, i * Float.BYTES, LITTLE_ENDIAN);
        }

        void put(long i, FloatVector value) {
            if (half) {
                Rows.putHalf(value, memory, i * Short.BYTES);
            } else {
                value.intoMemorySegment(memory, i * Float.BYTES, LITTLE_ENDIAN);
            }
        }
    }

    /** Copies all elements; returns whether every one was finite. */
    public static boolean copy(Team team, Numbers from, Numbers to) {
        long n = from.elements();
        AtomicBoolean finite = new AtomicBoolean(true);
        team.run(Math.toIntExact(Math.ceilDiv(n, ELEMENTS_A_CHUNK)), (chunk, scratch) -> {
            long first = (long) chunk * ELEMENTS_A_CHUNK;
            if (!copy(from, to, first, Math.min(n, first + ELEMENTS_A_CHUNK), scratch)) {
                finite.set(false);
            }
        });
        return finite.get();
    }

    private static boolean copy(Numbers from, Numbers to, long first, long end, Scratch scratch) {
        // x - x is 0 for a finite x and NaN for all others, and NaN survives every sum.
        FloatVector zeros = FloatVector.zero(Lanes.F);
        long i = first;
        for (; i <= end - Lanes.COUNT; i += Lanes.COUNT) {
            FloatVector x = from.get(i);
            zeros = zeros.add(x.sub(x));
            to.put(i, x);
        }
        boolean finite = !zeros.test(VectorOperators.IS_NAN).anyTrue();
        int rest = (int) (end - i);
        if (rest > 0) {
            float[] tail = scratch.floats(0, rest);
            rows(from).read(i, rest, tail);
            rows(to).write(i, rest, tail);
            for (int j = 0; j < rest; j++) {
                finite &= Float.isFinite(tail[j]);
            }
        }
        return finite;
    }

    private static Rows rows(Numbers numbers) {
        return new Rows(numbers.memory(), numbers.half(), 1, 1);
    }
}
