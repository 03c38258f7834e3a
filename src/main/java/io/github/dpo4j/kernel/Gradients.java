package io.github.dpo4j.kernel;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/** Sums into float32 gradients. */
public final class Gradients {
    private static final int ELEMENTS_A_CHUNK = 1 << 15;
    private static final int ROWS_A_CHUNK = 64;

    private Gradients() {}

    /** Returns the sum of squares of a float32 buffer, chunks summed in float64 in order. */
    public static double squares(Team team, MemorySegment buffer) {
        long n = buffer.byteSize() / Float.BYTES;
        double[] sums = new double[Math.toIntExact(Math.ceilDiv(n, ELEMENTS_A_CHUNK))];
        team.run(sums.length, (chunk, scratch) -> {
            long from = (long) chunk * ELEMENTS_A_CHUNK;
            FloatVector sum = FloatVector.zero(Lanes.F);
            FloatVector other = FloatVector.zero(Lanes.F);
            long to = Math.min(n, from + ELEMENTS_A_CHUNK);
            long i = from;
            for (; i <= to - 2L * Lanes.COUNT; i += 2L * Lanes.COUNT) {
                FloatVector a = FloatVector.fromMemorySegment(Lanes.F, buffer, i * Float.BYTES, LITTLE_ENDIAN);
                FloatVector b =
                        FloatVector.fromMemorySegment(Lanes.F, buffer, (i + Lanes.COUNT) * Float.BYTES, LITTLE_ENDIAN);
                sum = a.fma(a, sum);
                other = b.fma(b, other);
            }
            double rest = 0;
            for (; i < to; i++) {
                double a = buffer.get(ValueLayout.JAVA_FLOAT_UNALIGNED, i * Float.BYTES);
                rest += a * a;
            }
            sums[chunk] = (double) Lanes.sum(sum) + Lanes.sum(other) + rest;
        });
        double total = 0;
        for (double sum : sums) {
            total += sum;
        }
        return total;
    }

    /** gradient = part, in float32. */
    public static void set(Team team, Rows part, MemorySegment gradient) {
        convert(team, part, new Rows(gradient, false, part.rows(), part.width()));
    }

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
