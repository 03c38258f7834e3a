package io.github.dpo4j.recipe;

import io.github.dpo4j.batch.TokenBudget;
import io.github.dpo4j.report.Metric;
import io.github.dpo4j.report.MetricsLine;
import io.github.dpo4j.train.Objective;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;

/** The means of an objective over all its examples, without gradients. */
record Evaluation(Objective objective, TokenBudget budget) {

    MetricsLine line(long step, double epoch) {
        int[] all = IntStream.range(0, objective.examples()).toArray();
        Iterator<Objective.MicroBatch> microBatches =
                objective.prepare(all, budget.packs(all, objective::tokens)).iterator();
        List<String> names = objective.metricNames();
        double loss = 0;
        double[] sums = new double[names.size()];
        while (microBatches.hasNext()) {
            Objective.MicroBatchResult result = microBatches.next().run(false);
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
