package io.github.dpo4j.kernel;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** What happens to a matrix column by column: a factor each, and sums over rows. */
public final class Columns {
    private Columns() {}

    /** out = in x factors, column by column; {@code before} gets in, unless it is null. Out may be in. */
    public static void scale(Part part, Rows in, float[] factors, @Nullable Rows before, Rows out) {
        int width = in.width();
        float[] x = part.scratch().floats(0, width);
        for (int row = part.from(); row < part.to(); row++) {
            in.load(row, x);
            if (before != null) {
                before.store(row, x);
            }
            Vectors.multiply(x, factors, width);
            out.store(row, x);
        }
    }

    /** Returns a / b, padded to a whole vector; a is float32 in memory. */
    public static float[] quotients(MemorySegment a, float[] b) {
        float[] quotients = Vectors.read(a, b.length);
        for (int i = 0; i < b.length; i++) {
            quotients[i] /= b[i];
        }
        return quotients;
    }

    /** Sums over rows of products of two matrices' elements; as {@link Norms.Sums}, the same bits whichever thread had which rows. */
    public static final class Sums {
        private final float[][] sums;
        private final int width;

        /** Sums of zero over parts that begin at multiples of {@link Norms#ROWS_A_SUM}. */
        public Sums(int rows, int width) {
            this.width = width;
            this.sums = new float[Math.ceilDiv(rows, Norms.ROWS_A_SUM)][Lanes.padded(width)];
        }

        /** Adds the products of a part's rows. */
        public void add(Part part, Rows a, Rows b) {
            float[] x = part.scratch().floats(0, width);
            float[] y = part.scratch().floats(1, width);
            for (int row = part.from(); row < part.to(); row++) {
                a.load(row, x);
                b.load(row, y);
                Vectors.multiply(x, y, width);
                Vectors.add(sums[row / Norms.ROWS_A_SUM], x, width);
            }
        }

        /** gradient += sums / divisors, float32 [width], or is set to that. */
        public void addQuotients(float[] divisors, MemorySegment gradient, boolean overwrite) {
            Rows target = new Rows(gradient, false, 1, width);
            float[] total = new float[Lanes.padded(width)];
            for (float[] sum : sums) {
                Vectors.add(total, sum, width);
            }
            float[] before = new float[Lanes.padded(width)];
            if (!overwrite) {
                target.load(0, before);
            }
            for (int i = 0; i < width; i++) {
                before[i] += total[i] / divisors[i];
            }
            target.store(0, before);
        }
    }
}
