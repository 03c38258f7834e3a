package io.github.dpo4j.train;

import java.util.ArrayList;
import java.util.List;

/** Sums since the last logged line; what is logged is the mean over the examples since then. */
public final class MetricSums {
    private final List<String> names;
    private final double[] sums;
    private double lossSum;
    private long examples;
    private long tokens;
    private double seconds;

    public MetricSums(List<String> names) {
        this.names = List.copyOf(names);
        this.sums = new double[names.size()];
    }

    /** A copy of the sums, exact, for a checkpoint. */
    public record Snapshot(List<Double> sums, double lossSum, long examples, long tokens, double seconds) {}

    public Snapshot snapshot() {
        List<Double> copy = new ArrayList<>();
        for (double sum : sums) {
            copy.add(sum);
        }
        return new Snapshot(copy, lossSum, examples, tokens, seconds);
    }

    public void restore(Snapshot snapshot) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] = snapshot.sums().get(i);
        }
        lossSum = snapshot.lossSum();
        examples = snapshot.examples();
        tokens = snapshot.tokens();
        seconds = snapshot.seconds();
    }

    void add(Objective.MicroBatchResult result) {
        for (int i = 0; i < sums.length; i++) {
            for (double value : result.metrics()[i]) {
                sums[i] += value;
            }
        }
        tokens += result.sequenceTokens();
    }

    /** Closes a step of that many examples: its mean loss counts once for each of them. */
    void addStep(double meanLoss, int stepExamples, double stepSeconds) {
        lossSum += meanLoss * stepExamples;
        examples += stepExamples;
        seconds += stepSeconds;
    }

    public List<String> names() {
        return names;
    }

    /** Returns the mean of the metric at {@code index} over the examples so far. */
    public double mean(int index) {
        return sums[index] / examples;
    }

    public double meanLoss() {
        return lossSum / examples;
    }

    public long examples() {
        return examples;
    }

    public long tokens() {
        return tokens;
    }

    public double seconds() {
        return seconds;
    }

    public void clear() {
        java.util.Arrays.fill(sums, 0);
        lossSum = 0;
        examples = 0;
        tokens = 0;
        seconds = 0;
    }
}
