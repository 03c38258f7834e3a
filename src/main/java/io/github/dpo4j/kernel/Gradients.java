package io.github.dpo4j.kernel;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/** Sums into float32 gradients. */
public final class Gradients {
    private static final int SQUARES_A_CHUNK = 1 << 15;

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

    /** Writes the rows into the target's from {@code firstRow} and {@code column} of it on, or adds them in float32. */
    public static void put(Rows rows, Rows target, int firstRow, int column, boolean add, Scratch scratch) {
        int n = rows.width();
        if (rows.half() && !target.half() && n % Lanes.COUNT == 0) {
            for (int i = 0; i < rows.rows(); i++) {
                long to = ((long) (firstRow + i) * target.width() + column) * Float.BYTES;
                widen(rows.memory(), (long) i * n * Short.BYTES, target.memory(), to, n, add);
            }
            return;
        }
        float[] row = scratch.floats(0, n);
        float[] before = scratch.floats(1, n);
        for (int i = 0; i < rows.rows(); i++) {
            rows.load(i, row);
            if (add) {
                target.load(firstRow + i, column, n, before);
                Vectors.add(row, before, n);
            }
            target.store(firstRow + i, column, n, row);
        }
    }

    /** From bfloat16 to float32, memory to memory: every weight's gradient comes this way. */
    private static void widen(MemorySegment from, long at, MemorySegment to, long target, int n, boolean add) {
        if (add) {
            for (int i = 0; i < n; i += Lanes.COUNT) {
                FloatVector before =
                        FloatVector.fromMemorySegment(Lanes.F, to, target + (long) i * Float.BYTES, LITTLE_ENDIAN);
                Rows.half(from, at + (long) i * Short.BYTES)
                        .add(before)
                        .intoMemorySegment(to, target + (long) i * Float.BYTES, LITTLE_ENDIAN);
            }
        } else {
            for (int i = 0; i < n; i += Lanes.COUNT) {
                Rows.half(from, at + (long) i * Short.BYTES)
                        .intoMemorySegment(to, target + (long) i * Float.BYTES, LITTLE_ENDIAN);
            }
        }
    }

    /** gradient += the sum of the rows: a bias's gradient, float32 [width]. */
    public static void addColumnSums(Rows rows, MemorySegment gradient, Scratch scratch) {
        int width = rows.width();
        Rows target = new Rows(gradient, false, 1, width);
        float[] total = scratch.floats(0, width);
        float[] row = scratch.floats(1, width);
        target.load(0, total);
        for (int i = 0; i < rows.rows(); i++) {
            rows.load(i, row);
            Vectors.add(total, row, width);
        }
        target.store(0, total);
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
