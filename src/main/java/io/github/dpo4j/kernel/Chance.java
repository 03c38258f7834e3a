package io.github.dpo4j.kernel;

/** Random numbers by place rather than by order: any thread can make any of them, and forward's again in backward. */
public final class Chance {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    /** What {@link #mix} multiplies with. */
    public static final long FIRST = 0xBF58476D1CE4E5B9L;

    public static final long SECOND = 0x94D049BB133111EBL;

    private Chance() {}

    /** Returns a seed made of two numbers (the finisher of SplitMix64, Steele et al. 2014). */
    public static long mix(long seed, long number) {
        long z = seed + step(number);
        z = (z ^ (z >>> 30)) * FIRST;
        z = (z ^ (z >>> 27)) * SECOND;
        return z ^ (z >>> 31);
    }

    /** Returns what {@link #mix} adds to a seed for a number. */
    public static long step(long number) {
        return GOLDEN * (number + 1);
    }

    /** out = in without the elements that fall out, the others divided by 1 - share; or out += that. */
    public static void drop(Part part, Rows in, long seed, double share, Rows out, boolean add) {
        int width = in.width();
        float factor = (float) (1 / (1 - share));
        float[] x = part.scratch().floats(0, width);
        float[] sum = part.scratch().floats(1, width);
        for (int row = part.from(); row < part.to(); row++) {
            in.load(row, x);
            long ofRow = mix(seed, row);
            for (int i = 0; i < width; i++) {
                x[i] = (mix(ofRow, i) >>> 11) * 0x1p-53 >= share ? x[i] * factor : 0;
            }
            if (add) {
                out.load(row, sum);
                Vectors.add(x, sum, width);
            }
            out.store(row, x);
        }
    }
}
