package io.github.dpo4j.recipe;

import io.github.dpo4j.report.Metric;
import io.github.dpo4j.report.MetricsLine;
import io.github.dpo4j.train.Objective;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The means of an objective over all its examples, without gradients. */
record Evaluation(Objective objective, int microBatchSize) {

    MetricsLine line(long step, double epoch) {
        List<int[]> microBatches = new ArrayList<>();
        for (int start = 0; start < objective.examples(); start += microBatchSize) {
            int[] numbers = new int[Math.min(microBatchSize, objective.examples() - start)];
            int first = start;
            Arrays.setAll(numbers, i -> first + i);
            microBatches.add(numbers);
        }
        List<String> names = objective.metricNames();
        double loss = 0;
        double[] sums = new double[names.size()];
        for (int[] microBatch : microBatches) {
            Objective.MicroBatchResult result = objective.run(microBatch, microBatches, false);
            loss += Arrays.stream(result.lossShares()).sum();
            for (int i = 0; i < sums.length; i++) {
                sums[i] += Arrays.stream(result.metrics()[i]).sum();
            }
        }
        List<Metric> metrics = new ArrayList<>();
        metrics.add(new Metric("loss", loss));
        for (int i = 0; i < sums.length; i++) {
            metrics.add(new Metric(names.get(i), sums[i] / objective.examples()));
        }
        metrics.add(new Metric("epoch", epoch));
        return new MetricsLine(MetricsLine.EVAL, step, metrics);
    }
}
