package io.github.dpo4j.checkpoint;

import io.github.dpo4j.train.MetricSums;

/**
 * Where a run stands after a step, beside weights and optimizer states. Data order and learning rate follow from the step and
 * the settings, so they need no state of their own.
 *
 * @param step optimizer steps made
 * @param tokens tokens seen, as num_tokens counts them
 * @param pending sums since the last logged line
 * @param metricsBytes length of metrics.jsonl at this step
 */
public record TrainState(long step, long tokens, MetricSums.Snapshot pending, long metricsBytes) {}
