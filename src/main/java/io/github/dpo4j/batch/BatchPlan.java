package io.github.dpo4j.batch;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * Which examples each step sees: a function of the seed alone, so a resumed run finds its place by the step's number. An epoch
 * visits every example once; steps do not cross its end, so its last step may be smaller (as in transformers).
 *
 * @param examplesPerStep of one optimizer step; TRL's batch size x accumulation steps
 */
public record BatchPlan(int examples, long examplesPerStep, boolean shuffle, long seed) {

    public BatchPlan {
        if (examples < 1 || examplesPerStep < 1) {
            throw new IllegalArgumentException("examples and examples per step must be at least 1");
        }
    }

    public int stepsPerEpoch() {
        return (int) Math.ceilDiv(examples, examplesPerStep);
    }

    /** Returns the example numbers of a 0-based step, in order. */
    public int[] step(long step) {
        return slice(order(step / stepsPerEpoch()), (int) (step % stepsPerEpoch()));
    }

    /** Returns what {@link #step} gives for the first {@code count} steps. */
    public Stream<int[]> steps(long count) {
        return LongStream.range(0, Math.ceilDiv(count, (long) stepsPerEpoch()))
                .boxed()
                .flatMap(epoch -> {
                    int[] order = order(epoch);
                    return IntStream.range(0, stepsPerEpoch()).mapToObj(step -> slice(order, step));
                })
                .limit(count);
    }

    private int[] slice(int[] order, int step) {
        int from = Math.toIntExact(step * examplesPerStep);
        return Arrays.copyOfRange(order, from, (int) Math.min(examples, from + examplesPerStep));
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
