package io.github.dpo4j.train;

import java.util.List;

/** What a recipe minimises over numbered examples. */
public interface Objective {
    int examples();

    /** Returns the names of the values that {@link MicroBatchResult#metrics} holds, as metrics.jsonl has them. */
    List<String> metricNames();

    /**
     * Runs one micro-batch of a step forward, and backward if asked: the gradient of its share of the step's mean loss is
     * added to the parameters' gradients. Shares use the counts of the whole {@code step}, so accumulation is exact.
     */
    MicroBatchResult run(int[] microBatch, List<int[]> step, boolean backward);

    /** Returns how many tokens an example has, prompt and completions together. */
    long tokens(int example);

    /** Names an example for an error message: where it is from and how long it is. */
    String describe(int example);

    /**
     * What one micro-batch gave, for each of its examples.
     *
     * @param lossShares they sum to the step's mean loss over all its micro-batches
     * @param metrics a row for each metric name, a value for each example
     * @param sequenceTokens tokens of all sequences, prompts and completions
     */
    @SuppressWarnings("ArrayRecordComponent") // plain numbers on their way to sums
    record MicroBatchResult(double[] lossShares, double[][] metrics, long sequenceTokens) {}
}
