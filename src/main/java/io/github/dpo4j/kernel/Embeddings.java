package io.github.dpo4j.kernel;

import java.lang.foreign.MemorySegment;

/** Rows of a table by number, and back. */
public final class Embeddings {
    private static final int ROWS_A_CHUNK = 32;

    private Embeddings() {}

    /** out[i] = table[ids[i]]. */
    public static void gather(Team team, Rows table, int[] ids, Rows out) {
        gather(team, table, ids, 1, out);
    }

    /** out[i] = scale table[ids[i]]. */
    public static void gather(Team team, Rows table, int[] ids, float scale, Rows out) {
        team.runRows(ids.length, ROWS_A_CHUNK, part -> {
            float[] row = part.scratch().floats(0, table.width());
            for (int i = part.from(); i < part.to(); i++) {
                table.load(ids[i], row);
                if (scale != 1) {
                    Vectors.multiply(row, scale, table.width());
                }
                out.store(i, row);
            }
        });
    }

    /** out[i] += table[ids[i]]. */
    public static void gatherAdd(Team team, Rows table, int[] ids, Rows out) {
        team.runRows(ids.length, ROWS_A_CHUNK, part -> {
            float[] row = part.scratch().floats(0, table.width());
            float[] sum = part.scratch().floats(1, table.width());
            for (int i = part.from(); i < part.to(); i++) {
                table.load(ids[i], row);
                out.load(i, sum);
                Vectors.add(sum, row, table.width());
                out.store(i, sum);
            }
        });
    }

    /** sums[ids[i]] += rows[i], in order of i: ids may repeat. {@code sums} is float32 of rows as wide. */
    public static void scatterAdd(Rows rows, int[] ids, MemorySegment sums) {
        scatterAdd(rows, ids, 1, sums);
    }

    /** As {@link #scatterAdd(Rows, int[], MemorySegment)} with rows times {@code scale}. */
    public static void scatterAdd(Rows rows, int[] ids, float scale, MemorySegment sums) {
        int width = rows.width();
        Rows target = new Rows(sums, false, Math.toIntExact(sums.byteSize() / Float.BYTES / width), width);
        float[] row = new float[Lanes.padded(width)];
        float[] sum = new float[Lanes.padded(width)];
        for (int i = 0; i < ids.length; i++) {
            rows.load(i, row);
            if (scale != 1) {
                Vectors.multiply(row, scale, width);
            }
            target.load(ids[i], sum);
            Vectors.add(sum, row, width);
            target.store(ids[i], sum);
        }
    }
}
