package io.github.dpo4j.kernel;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * A row-major matrix in native memory, float32 or bfloat16, that kernels read and write as float arrays.
 *
 * @param half bfloat16 rather than float32
 */
public record Rows(MemorySegment memory, boolean half, int rows, int width) {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    private static final int ROUND = 32;

    public Rows {
        long bytes = (long) rows * width * (half ? Short.BYTES : Float.BYTES);
        if (memory.byteSize() < bytes) {
            throw new IllegalArgumentException(
                    rows + " x " + width + " needs " + bytes + " bytes, the memory has " + memory.byteSize());
        }
    }

    /**
     * Returns the least round number of rows that holds {@code rows}. Products of such are up to a fifth faster, and libtorch
     * compiles code for each number that it has not met; rows of a product that nobody reads cost less.
     */
    public static int round(int rows) {
        return Math.ceilDiv(rows, ROUND) * ROUND;
    }

    /** Returns the rows [from, to) in their place. */
    public Rows slice(int from, int to) {
        long row = (long) width * (half ? Short.BYTES : Float.BYTES);
        return new Rows(memory.asSlice(from * row, (to - from) * row), half, to - from, width);
    }

    /** Reads a whole row; {@code into} is padded with zeros to a whole vector. */
    void load(int row, float[] into) {
        load(row, 0, width, into);
    }

    /** Reads {@code n} elements from {@code column} on; {@code into} is padded with zeros to a whole vector. */
    void load(int row, int column, int n, float[] into) {
        read((long) row * width + column, n, into);
    }

    /** As {@link #load} with the index of the first element. */
    void read(long index, int n, float[] into) {
        readAt(index, n, into, 0);
        Vectors.pad(into, n, 0);
    }

    /** Reads {@code n} elements from {@code index} on into the array from {@code to} on, without padding. */
    void readAt(long index, int n, float[] into, int to) {
        if (half) {
            readHalf(memory, index * Short.BYTES, n, into, to);
        } else {
            readFull(memory, index * Float.BYTES, n, into, to);
        }
    }

    /** Writes {@code n} elements of the array from {@code start} on. */
    void writeFrom(long index, int n, float[] from, int start) {
        if (half) {
            writeHalf(memory, index * Short.BYTES, n, from, start);
        } else {
            writeFull(memory, index * Float.BYTES, n, from, start);
        }
    }

    /** Sets {@code n} elements from {@code index} on to zero. */
    void zero(long index, long n) {
        int element = half ? Short.BYTES : Float.BYTES;
        zeroBytes(memory, index * element, Math.toIntExact(n * element));
    }

    /** As {@link MemorySegment#fill} of a slice, which costs more than a row of attention scores has to clear. */
    private static void zeroBytes(MemorySegment memory, long at, int n) {
        FloatVector zeros = FloatVector.zero(Lanes.F);
        int vector = Lanes.COUNT * Float.BYTES;
        int i = 0;
        for (; i <= n - vector; i += vector) {
            zeros.intoMemorySegment(memory, at + i, LITTLE_ENDIAN);
        }
        for (; i <= n - Long.BYTES; i += Long.BYTES) {
            memory.set(LONG, at + i, 0);
        }
        for (; i < n; i += Short.BYTES) {
            memory.set(SHORT, at + i, (short) 0);
        }
    }

    /** Writes a whole row. */
    void store(int row, float[] from) {
        write((long) row * width, width, from);
    }

    /** Writes {@code n} elements from {@code column} on. */
    void store(int row, int column, int n, float[] from) {
        write((long) row * width + column, n, from);
    }

    /** As {@link #store} with the index of the first element. */
    void write(long index, int n, float[] from) {
        writeFrom(index, n, from, 0);
    }

    /** Returns one element. */
    float get(long index) {
        return half
                ? Float.intBitsToFloat(memory.get(SHORT, index * Short.BYTES) << 16)
                : memory.get(FLOAT, index * Float.BYTES);
    }

    private static void readFull(MemorySegment memory, long at, int n, float[] into, int to) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            FloatVector.fromMemorySegment(Lanes.F, memory, at + (long) i * Float.BYTES, LITTLE_ENDIAN)
                    .intoArray(into, to + i);
        }
        for (; i < n; i++) {
            into[to + i] = memory.get(FLOAT, at + (long) i * Float.BYTES);
        }
    }

    private static void readHalf(MemorySegment memory, long at, int n, float[] into, int to) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            half(memory, at + (long) i * Short.BYTES).intoArray(into, to + i);
        }
        for (; i < n; i++) {
            into[to + i] = Float.intBitsToFloat(memory.get(SHORT, at + (long) i * Short.BYTES) << 16);
        }
    }

    /** Returns a vector of bfloat16 at a byte offset, as float32. */
    static FloatVector half(MemorySegment memory, long at) {
        return ShortVector.fromMemorySegment(Lanes.H, memory, at, LITTLE_ENDIAN)
                .convertShape(VectorOperators.ZERO_EXTEND_S2I, Lanes.I, 0)
                .reinterpretAsInts()
                .lanewise(VectorOperators.LSHL, 16)
                .reinterpretAsFloats();
    }

    private static void writeFull(MemorySegment memory, long at, int n, float[] from, int start) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            FloatVector.fromArray(Lanes.F, from, start + i)
                    .intoMemorySegment(memory, at + (long) i * Float.BYTES, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            memory.set(FLOAT, at + (long) i * Float.BYTES, from[start + i]);
        }
    }

    private static void writeHalf(MemorySegment memory, long at, int n, float[] from, int start) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            putHalf(FloatVector.fromArray(Lanes.F, from, start + i), memory, at + (long) i * Short.BYTES);
        }
        for (; i < n; i++) {
            memory.set(SHORT, at + (long) i * Short.BYTES, toHalf(from[start + i]));
        }
    }

    /** Writes a vector as bfloat16, rounded to nearest, ties to even. */
    static void putHalf(FloatVector value, MemorySegment memory, long at) {
        var bits = value.reinterpretAsInts();
        var odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
        var rounded = bits.add(odd).add(0x7fff).lanewise(VectorOperators.LSHR, 16);
        ((ShortVector) rounded.convertShape(VectorOperators.I2S, Lanes.H, 0))
                .intoMemorySegment(memory, at, LITTLE_ENDIAN);
    }

    static short toHalf(float value) {
        int bits = Float.floatToRawIntBits(value);
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }
}
