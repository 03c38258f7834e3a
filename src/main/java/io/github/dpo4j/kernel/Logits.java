package io.github.dpo4j.kernel;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/** Log-probabilities of targets, and their gradient, from logits that come one range of the vocabulary at a time. */
public final class Logits {
    private static final int ROWS_A_CHUNK = 4;

    private final int[] targets;
    private final float[] largest;
    private final float[] sums;
    private final float[] targetLogits;

    /** Begins with no logits seen; {@code targets} are token ids, [S]. */
    public Logits(int[] targets) {
        this.targets = targets.clone();
        this.largest = new float[targets.length];
        this.sums = new float[targets.length];
        this.targetLogits = new float[targets.length];
        Arrays.fill(largest, -Float.MAX_VALUE);
    }

    /** Takes in the logits [S, n] of the tokens from {@code firstToken} on. */
    public void see(Team team, Rows logits, int firstToken) {
        int n = logits.width();
        team.runRows(logits.rows(), ROWS_A_CHUNK, (from, to, scratch) -> {
            float[] x = scratch.floats(0, n);
            for (int row = from; row < to; row++) {
                logits.load(row, x);
                int target = targets[row] - firstToken;
                if (target >= 0 && target < n) {
                    targetLogits[row] = x[target];
                }
                Vectors.pad(x, n, -Float.MAX_VALUE);
                float most = Math.max(largest[row], Vectors.largest(x, n));
                double before = sums[row] * Math.exp((double) largest[row] - most);
                sums[row] = (float) (before + sumOfExp(x, n, most));
                largest[row] = most;
            }
        });
    }

    /** Returns log p of each target, nats; call it when all of the vocabulary has been seen. */
    public float[] logps() {
        float[] logps = new float[targets.length];
        for (int i = 0; i < logps.length; i++) {
            logps[i] = targetLogits[i] - logSum(i);
        }
        return logps;
    }

    private float logSum(int row) {
        return (float) (largest[row] + Math.log(sums[row]));
    }

    /** Replaces logits [S, n] by the gradient of sum_s gradients[s] x log p_s. */
    public void gradient(Team team, Rows logits, int firstToken, float[] gradients) {
        int n = logits.width();
        team.runRows(logits.rows(), ROWS_A_CHUNK, (from, to, scratch) -> {
            float[] x = scratch.floats(0, n);
            for (int row = from; row < to; row++) {
                logits.load(row, x);
                probabilities(x, n, logSum(row), -gradients[row]);
                int target = targets[row] - firstToken;
                if (target >= 0 && target < n) {
                    x[target] += gradients[row];
                }
                logits.store(row, x);
            }
        });
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
