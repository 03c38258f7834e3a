package io.github.dpo4j.logprob;

import io.github.dpo4j.text.TokenizedPreference;
import java.util.List;

/** Where each example's token logps lie in a store: example after example, its completions' tokens from the best one on. */
final class LogpsLayout {
    private final long[] starts;
    private final int[][] counts;

    private LogpsLayout(long[] starts, int[][] counts) {
        this.starts = starts;
        this.counts = counts;
    }

    static LogpsLayout of(List<? extends TokenizedPreference> examples) {
        long[] starts = new long[examples.size() + 1];
        int[][] counts = new int[examples.size()][];
        for (int i = 0; i < counts.length; i++) {
            counts[i] = examples.get(i).completions().stream()
                    .mapToInt(ids -> ids.length)
                    .toArray();
            starts[i + 1] = starts[i];
            for (int count : counts[i]) {
                starts[i + 1] += count;
            }
        }
        return new LogpsLayout(starts, counts);
    }

    int examples() {
        return counts.length;
    }

    /** Returns the scored tokens of all examples. */
    long tokens() {
        return starts[counts.length];
    }

    long bytes() {
        return Float.BYTES * tokens();
    }

    /** Returns the place of an example's first token, counted in tokens; that of example {@link #examples()} is the end. */
    long start(int example) {
        return starts[example];
    }

    /** Returns the scored tokens of the examples [from, to). */
    int tokens(int from, int to) {
        return Math.toIntExact(starts[to] - starts[from]);
    }

    /** Returns the scored tokens of each completion of an example. */
    int[] completions(int example) {
        return counts[example];
    }

    /** Takes a run of tokens of a pack and its place in the store, both counted in tokens. */
    @FunctionalInterface
    interface Run {
        void accept(int packed, long stored, int count);
    }

    /** Gives {@code run} the completions of a pack of these examples in the pack's order: all best ones, then those ranked next. */
    void inPack(int[] examples, Run run) {
        int packed = 0;
        long[] next = new long[examples.length];
        int left = examples.length;
        for (int rank = 0; left > 0; rank++) {
            left = 0;
            for (int i = 0; i < examples.length; i++) {
                int[] completions = counts[examples[i]];
                if (rank < completions.length) {
                    run.accept(packed, starts[examples[i]] + next[i], completions[rank]);
                    packed += completions[rank];
                    next[i] += completions[rank];
                    left++;
                }
            }
        }
    }
}
