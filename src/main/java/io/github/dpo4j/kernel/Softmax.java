package io.github.dpo4j.kernel;

import io.github.dpo4j.kernel.Sight.Block;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The softmax of attention over what each query sees, and its backward. Scores of the queries [first, end) of one group of
 * heads in a block lie as [(end - first) x members, keys], members being the heads of a group.
 */
public final class Softmax {
    private Softmax() {}

    /**
     * A strip of a block's queries, in one group.
     *
     * @param end may lie in the block's room beyond its length
     * @param group the key-value head
     * @param groups how many there are
     * @param members query heads a group
     * @param scale what scores are multiplied with
     */
    public record Strip(Sight sight, Block block, int first, int end, int group, int groups, int members, float scale) {
        /** Returns the rows of scores, those beyond the block's length included. */
        public int rows() {
            return (end - first) * members;
        }

        private int rowsOfTokens() {
            return (Math.min(end, block.length()) - first) * members;
        }

        private int token(int row) {
            return block.start() + first + row / members;
        }

        /** Where a row's statistics lie: as heads lie in {@link Heads}, one number a head. */
        private long statistic(int row) {
            return (long) block.at() * groups * members
                    + (long) group * block.room() * members
                    + (long) first * members
                    + row;
        }
    }

    /**
     * Turns scores into probabilities in place, 0 where nothing is seen; keeps log sum exp of the scaled scores, float32. Keys
     * are whole vectors.
     */
    public static void forward(Strip strip, Rows scores, Rows logSums, Scratch scratch) {
        float[] x = scratch.floats(0, scores.width());
        float[] one = scratch.floats(1, 1);
        int rows = strip.rowsOfTokens();
        for (int row = 0; row < rows; row++) {
            int token = strip.token(row);
            int n = load(strip.sight(), token, scores, row, x);
            float largest = Vectors.largest(x, n) * strip.scale();
            float sum = exponentiate(x, n, strip.scale(), largest);
            Vectors.multiply(x, 1 / sum, n);
            store(strip.sight(), token, x, n, scores, row);
            one[0] = largest + (float) Math.log(sum);
            logSums.write(strip.statistic(row), 1, one);
        }
        clearFrom(rows, strip, scores);
    }

    /**
     * Makes probabilities of scores again and gradients of scores of gradients of probabilities, both in place.
     *
     * @param dots each query's sum of probability x gradient, which is that of output x gradient of output
     */
    public static void backward(Strip strip, Rows scores, Rows gradients, Rows logSums, Rows dots, Scratch scratch) {
        float[] p = scratch.floats(0, scores.width());
        float[] d = scratch.floats(1, scores.width());
        int rows = strip.rowsOfTokens();
        for (int row = 0; row < rows; row++) {
            int token = strip.token(row);
            int n = load(strip.sight(), token, scores, row, p);
            load(strip.sight(), token, gradients, row, d);
            long statistic = strip.statistic(row);
            gradient(p, d, n, strip.scale(), logSums.get(statistic), dots.get(statistic));
            store(strip.sight(), token, p, n, scores, row);
            store(strip.sight(), token, d, n, gradients, row);
        }
        clearFrom(rows, strip, scores);
        clearFrom(rows, strip, gradients);
    }

    private static void clearFrom(int row, Strip strip, Rows rows) {
        rows.zero((long) row * rows.width(), (long) (strip.rows() - row) * rows.width());
    }

    /** Reads a row up to the last key that the token sees, in whole vectors; returns how many keys that is. */
    private static int load(Sight sight, int token, Rows rows, int row, float[] into) {
        int n = Lanes.padded(sight.secondTo()[token]);
        rows.readAt((long) row * rows.width(), n, into, 0);
        hide(sight, token, into, n, -Float.MAX_VALUE);
        return n;
    }

    /** Writes the n keys that {@link #load} has read; those that the token does not see are zero. */
    private static void store(Sight sight, int token, float[] from, int n, Rows rows, int row) {
        hide(sight, token, from, n, 0);
        long at = (long) row * rows.width();
        rows.writeFrom(at, n, from, 0);
        rows.zero(at + n, rows.width() - n);
    }

    /** Puts {@code value} for those of the first n keys that the token does not see. */
    private static void hide(Sight sight, int token, float[] keys, int n, float value) {
        Arrays.fill(keys, 0, sight.from()[token], value);
        Arrays.fill(keys, sight.to()[token], sight.secondFrom()[token], value);
        Arrays.fill(keys, sight.secondTo()[token], n, value);
    }

    /** x = exp(scale x - largest); returns the sum of the first n. */
    private static float exponentiate(float[] x, int n, float scale, float largest) {
        FloatVector sum = FloatVector.zero(Lanes.F);
        FloatVector scales = FloatVector.broadcast(Lanes.F, scale);
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector e = Lanes.exp(
                    FloatVector.fromArray(Lanes.F, x, i).max(-1e30f).mul(scales).sub(largest));
            e.intoArray(x, i);
            sum = sum.add(e);
        }
        return Lanes.sum(sum);
    }

    private static void gradient(float[] p, float[] d, int n, float scale, float logSum, float dot) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector probability = Lanes.exp(
                    FloatVector.fromArray(Lanes.F, p, i).max(-1e30f).mul(scale).sub(logSum));
            probability.intoArray(p, i);
            FloatVector.fromArray(Lanes.F, d, i)
                    .sub(dot)
                    .mul(probability)
                    .mul(scale)
                    .intoArray(d, i);
        }
    }
}
