package io.github.dpo4j.kernel;

import jdk.incubator.vector.FloatVector;

/**
 * Log-probabilities of targets, their gradient, and how alike two samples would be, from logits that come one range of the vocabulary at a time. Ranges may
 * come in any order and on any thread; they are put together in the order of their numbers.
 */
public final class Logits {
    private final int[] targets;
    private final float[][] largest;
    private final float[][] sums;
    private final float[][] squares;
    private final float[] targetLogits;
    private float[] logSums = new float[0];
    private float[] logSquares = new float[0];

    /** Begins with no logits seen; {@code targets} are token ids, [S]. */
    public Logits(int[] targets, int ranges) {
        this.targets = targets.clone();
        this.largest = new float[ranges][targets.length];
        this.sums = new float[ranges][targets.length];
        this.squares = new float[ranges][targets.length];
        this.targetLogits = new float[targets.length];
    }

    /** Takes in range number {@code range}: the logits [S, n] of the tokens from {@code firstToken} on. */
    public void see(int range, Rows logits, int firstToken, Scratch scratch) {
        int n = logits.width();
        float[] x = scratch.floats(0, n);
        for (int row = 0; row < targets.length; row++) {
            logits.load(row, x);
            int target = targets[row] - firstToken;
            if (target >= 0 && target < n) {
                targetLogits[row] = x[target];
            }
            Vectors.pad(x, n, -Float.MAX_VALUE);
            float most = Vectors.largest(x, n);
            largest[range][row] = most;
            sumsOfExp(x, n, most, range, row);
        }
    }

    /** Puts the ranges together; call it when all of them have been seen. */
    public void finish() {
        logSums = new float[targets.length];
        logSquares = new float[targets.length];
        for (int row = 0; row < targets.length; row++) {
            float most = -Float.MAX_VALUE;
            for (float[] ofRange : largest) {
                most = Math.max(most, ofRange[row]);
            }
            double sum = 0;
            double square = 0;
            for (int range = 0; range < sums.length; range++) {
                double scale = Math.exp((double) largest[range][row] - most);
                sum += sums[range][row] * scale;
                square += squares[range][row] * scale * scale;
            }
            logSums[row] = (float) (most + Math.log(sum));
            logSquares[row] = (float) (Math.log(square) - 2 * Math.log(sum));
        }
    }

    /** Returns log p of each target, nats; call it after {@link #finish}. */
    public float[] logps() {
        float[] logps = new float[targets.length];
        for (int i = 0; i < logps.length; i++) {
            logps[i] = targetLogits[i] - logSums[i];
        }
        return logps;
    }

    /** Returns ln sum_v p_v^2 of each target's distribution: the log of the probability that two samples are the same token. */
    public float[] logCollisions() {
        return logSquares.clone();
    }

    /** Replaces the logits [S, n] of a range by the gradient of sum_s gradients[s] x log p_s. */
    public void gradient(Rows logits, int firstToken, float[] gradients, Scratch scratch) {
        int n = logits.width();
        float[] x = scratch.floats(0, n);
        for (int row = 0; row < targets.length; row++) {
            logits.load(row, x);
            probabilities(x, n, logSums[row], -gradients[row]);
            int target = targets[row] - firstToken;
            if (target >= 0 && target < n) {
                x[target] += gradients[row];
            }
            logits.store(row, x);
        }
    }

    private void sumsOfExp(float[] x, int n, float less, int range, int row) {
        FloatVector sum = FloatVector.zero(Lanes.F);
        FloatVector square = sum;
        for (int i = 0; i < n; i += Lanes.COUNT) {
            FloatVector exp = Lanes.exp(FloatVector.fromArray(Lanes.F, x, i).sub(less));
            sum = sum.add(exp);
            square = exp.fma(exp, square);
        }
        sums[range][row] = Lanes.sum(sum);
        squares[range][row] = Lanes.sum(square);
    }

    /** x = factor exp(x - logSum). */
    private static void probabilities(float[] x, int n, float logSum, float factor) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.exp(FloatVector.fromArray(Lanes.F, x, i).sub(logSum))
                    .mul(factor)
                    .intoArray(x, i);
        }
    }
}
