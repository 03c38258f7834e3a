package io.github.dpo4j.kernel;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Sums into float32 gradients. */
public final class Gradients {
    private static final int ELEMENTS_A_CHUNK = 1 << 15;
    private static final int ROWS_A_CHUNK = 64;

    private Gradients() {}

    /** gradient += part, element by element; {@code part} is what a product gave in the compute type. */
    public static void accumulate(Team team, Rows part, MemorySegment gradient) {
        long n = (long) part.rows() * part.width();
        team.run(Math.toIntExact(Math.ceilDiv(n, ELEMENTS_A_CHUNK)), (chunk, scratch) -> {
            long from = (long) chunk * ELEMENTS_A_CHUNK;
            int length = (int) Math.min(ELEMENTS_A_CHUNK, n - from);
            if (part.half()) {
                addHalf(part, gradient, from, length);
            } else {
                addFull(part, gradient, from, length);
            }
        });
    }

    private static void addHalf(Rows part, MemorySegment gradient, long from, int length) {
        int i = 0;
        for (; i <= length - Lanes.COUNT; i += Lanes.COUNT) {
            long at = (from + i) * Float.BYTES;
            FloatVector.fromMemorySegment(Lanes.F, gradient, at, LITTLE_ENDIAN)
                    .add(Rows.half(part.memory(), (from + i) * Short.BYTES))
                    .intoMemorySegment(gradient, at, LITTLE_ENDIAN);
        }
        addRest(part, gradient, from + i, length - i);
    }

    private static void addFull(Rows part, MemorySegment gradient, long from, int length) {
        int i = 0;
        for (; i <= length - Lanes.COUNT; i += Lanes.COUNT) {
            long at = (from + i) * Float.BYTES;
            FloatVector.fromMemorySegment(Lanes.F, gradient, at, LITTLE_ENDIAN)
                    .add(FloatVector.fromMemorySegment(Lanes.F, part.memory(), at, LITTLE_ENDIAN))
                    .intoMemorySegment(gradient, at, LITTLE_ENDIAN);
        }
        addRest(part, gradient, from + i, length - i);
    }

    private static void addRest(Rows part, MemorySegment gradient, long from, int length) {
        if (length == 0) {
            return;
        }
        Rows sums = new Rows(gradient, false, 1, Math.toIntExact(gradient.byteSize() / Float.BYTES));
        float[] a = new float[Lanes.padded(length)];
        float[] b = new float[Lanes.padded(length)];
        sums.read(from, length, a);
        part.read(from, length, b);
        Vectors.add(a, b, length);
        sums.write(from, length, a);
    }

    /** gradient += the sum of the rows: a bias's gradient, float32 [width]. */
    public static void addColumnSums(Team team, Rows rows, MemorySegment gradient) {
        int width = rows.width();
        float[][] sums = new float[Math.ceilDiv(rows.rows(), ROWS_A_CHUNK)][Lanes.padded(width)];
        team.runRows(rows.rows(), ROWS_A_CHUNK, (from, to, scratch) -> {
            float[] row = scratch.floats(0, width);
            for (int i = from; i < to; i++) {
                rows.load(i, row);
                Vectors.add(sums[from / ROWS_A_CHUNK], row, width);
            }
        });
        addSums(sums, gradient, width);
    }

    /** gradient += all of {@code sums}, in order. */
    static void addSums(float[][] sums, MemorySegment gradient, int width) {
        Rows target = new Rows(gradient, false, 1, width);
        float[] total = new float[Lanes.padded(width)];
        target.load(0, total);
        for (float[] sum : sums) {
            Vectors.add(total, sum, width);
        }
        target.store(0, total);
    }

    /** Copies rows from one type to another. */
    public static void convert(Team team, Rows from, Rows to) {
        team.runRows(from.rows(), ROWS_A_CHUNK, (first, end, scratch) -> {
            float[] row = scratch.floats(0, from.width());
            for (int i = first; i < end; i++) {
                from.load(i, row);
                to.store(i, row);
            }
        });
    }
}
