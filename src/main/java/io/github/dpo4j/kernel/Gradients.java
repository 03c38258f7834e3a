package io.github.dpo4j.kernel;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/** Sums into float32 gradients. */
public final class Gradients {
    private static final int SQUARES_A_CHUNK = 1 << 15;
    private static final int SUMS_A_CHUNK = 1 << 12;
    private static final int ROWS_A_CHUNK = 64;

    private Gradients() {}

    /** Returns the sum of squares of a float32 buffer, chunks summed in float64 in order. */
    public static double squares(Team team, MemorySegment buffer) {
        long n = buffer.byteSize() / Float.BYTES;
        double[] sums = new double[Math.toIntExact(Math.ceilDiv(n, SQUARES_A_CHUNK))];
        team.run(sums.length, (chunk, scratch) -> {
            long from = (long) chunk * SQUARES_A_CHUNK;
            int length = (int) Math.min(SQUARES_A_CHUNK, n - from);
            sums[chunk] = squares(buffer.asSlice(from * Float.BYTES, (long) length * Float.BYTES), length);
        });
        double total = 0;
        for (double sum : sums) {
            total += sum;
        }
        return total;
    }

    private static double squares(MemorySegment slice, int length) {
        FloatVector sum = FloatVector.zero(Lanes.F);
        int i = 0;
        for (; i <= length - Lanes.COUNT; i += Lanes.COUNT) {
            FloatVector a = FloatVector.fromMemorySegment(Lanes.F, slice, (long) i * Float.BYTES, LITTLE_ENDIAN);
            sum = a.fma(a, sum);
        }
        double rest = 0;
        for (; i < length; i++) {
            double a = slice.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (long) i * Float.BYTES);
            rest += a * a;
        }
        return Lanes.sum(sum) + rest;
    }

    /** gradient = part, in float32. */
    public static void set(Team team, Rows part, MemorySegment gradient) {
        forChunks(team, part, gradient, false);
    }

    /** gradient += part, element by element; {@code part} is what a product gave in the compute type. */
    public static void accumulate(Team team, Rows part, MemorySegment gradient) {
        forChunks(team, part, gradient, true);
    }

    private static void forChunks(Team team, Rows part, MemorySegment gradient, boolean add) {
        long n = (long) part.rows() * part.width();
        team.run(Math.toIntExact(Math.ceilDiv(n, SUMS_A_CHUNK)), (chunk, scratch) -> {
            long from = (long) chunk * SUMS_A_CHUNK;
            int length = (int) Math.min(SUMS_A_CHUNK, n - from);
            float[] values = scratch.floats(0, length);
            part.read(from, length, values);
            Rows sums = new Rows(gradient.asSlice(from * Float.BYTES, (long) length * Float.BYTES), false, 1, length);
            if (add) {
                float[] before = scratch.floats(1, length);
                sums.load(0, before);
                Vectors.add(values, before, length);
            }
            sums.store(0, values);
        });
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
}
