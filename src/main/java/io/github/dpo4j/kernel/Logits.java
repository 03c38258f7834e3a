package io.github.dpo4j.kernel;

import jdk.incubator.vector.FloatVector;

/**
 * Log-probabilities of targets, and their gradient, from logits that come one range of the vocabulary at a time. Ranges may
 * come in any order and on any thread; they are put together in the order of their numbers.
 */
public final class Logits {
    private final int[] targets;
    private final float[][] largest;
    private final float[][] sums;
    private final float[] targetLogits;
    private float[] logSums = new float[0];

    /** Begins with no logits seen; {@code targets} are token ids, [S]. */
    public Logits(int[] targets, int ranges) {
        this.targets = targets.clone();
        this.largest = new float[ranges][targets.length];
        this.sums = new float[ranges][targets.length];
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
            sums[range][row] = sumOfExp(x, n, most);
        }
    }

    /** Puts the ranges together; call it when all of them have been seen. */
    public void finish() {
        logSums = new float[targets.length];
        for (int row = 0; row < targets.length; row++) {
            float most = -Float.MAX_VALUE;
            for (float[] ofRange : largest) {
                most = Math.max(most, ofRange[row]);
            }
            double sum = 0;
            for (int range = 0; range < sums.length; range++) {
                sum += sums[range][row] * Math.exp((double) largest[range][row] - most);
            }
            logSums[row] = (float) (most + Math.log(sum));
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

    private static float sumOfExp(float[] x, int n, float less) {
        FloatVector sum = FloatVector.zero(Lanes.F);
        for (int i = 0; i < n; i += Lanes.COUNT) {
            sum = sum.add(Lanes.exp(FloatVector.fromArray(Lanes.F, x, i).sub(less)));
        }
        return Lanes.sum(sum);
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
