package io.github.dpo4j.batch;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Which examples each step sees: a function of the seed alone, so a resumed run finds its place by the step's number. An epoch
 * visits every example once; micro-batches and steps do not cross its end, so its last step may be smaller (as in transformers).
 */
public record BatchPlan(int examples, int microBatchSize, int accumulationSteps, boolean shuffle, long seed) {

    public BatchPlan {
        if (examples < 1 || microBatchSize < 1 || accumulationSteps < 1) {
            throw new IllegalArgumentException("examples, micro-batch size and accumulation steps must be at least 1");
        }
    }

    public int stepsPerEpoch() {
        int microBatches = Math.ceilDiv(examples, microBatchSize);
        return Math.ceilDiv(microBatches, accumulationSteps);
    }

    /** Returns the micro-batches of a 0-based step, each a list of example numbers. */
    public List<int[]> step(long step) {
        int inEpoch = (int) (step % stepsPerEpoch());
        int[] order = order(step / stepsPerEpoch());
        long perStep = (long) microBatchSize * accumulationSteps;
        int from = Math.toIntExact(inEpoch * perStep);
        int to = (int) Math.min(examples, from + perStep);
        List<int[]> microBatches = new ArrayList<>();
        for (int start = from; start < to; start += microBatchSize) {
            int[] numbers = new int[Math.min(microBatchSize, to - start)];
            System.arraycopy(order, start, numbers, 0, numbers.length);
            microBatches.add(numbers);
        }
        return microBatches;
    }

    /** Returns how far training has come after {@code steps} steps, in epochs. */
    public double epoch(long steps) {
        return (double) steps / stepsPerEpoch();
    }

    /** Returns the order of the examples in an epoch: the file's, or a Fisher-Yates shuffle seeded by seed and epoch. */
    int[] order(long epoch) {
        int[] order = new int[examples];
        for (int i = 0; i < examples; i++) {
            order[i] = i;
        }
        if (shuffle) {
            SplittableRandom random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + epoch);
            for (int i = examples - 1; i > 0; i--) {
                int j = random.nextInt(i + 1);
                int swapped = order[i];
                order[i] = order[j];
                order[j] = swapped;
            }
        }
        return order;
    }
}
