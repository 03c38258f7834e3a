package io.github.dpo4j.train;

import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.torch.TensorScope;
import java.util.ArrayList;
import java.util.List;

/** Makes optimizer steps: micro-batches, finite check, clipping, update. */
public final class Trainer {
    private static final int MOST_NAMED = 8;

    private final Objective objective;
    private final Parameters parameters;
    private final Optimizer optimizer;
    private final double peakLearningRate;
    private final Schedule schedule;
    private final double maxGradNorm;

    /** {@code maxGradNorm} 0 leaves gradients unclipped. */
    public Trainer(
            Objective objective,
            Parameters parameters,
            Optimizer optimizer,
            double peakLearningRate,
            Schedule schedule,
            double maxGradNorm) {
        this.objective = objective;
        this.parameters = parameters;
        this.optimizer = optimizer;
        this.peakLearningRate = peakLearningRate;
        this.schedule = schedule;
        this.maxGradNorm = maxGradNorm;
    }

    /** What one step did; gradNorm is before clipping. */
    public record StepResult(double loss, double gradNorm, double learningRate) {}

    public Objective objective() {
        return objective;
    }

    public Parameters parameters() {
        return parameters;
    }

    public Optimizer optimizer() {
        return optimizer;
    }

    /**
     * Makes the 1-based {@code step} on its micro-batches and adds what is to be logged to {@code sums}.
     *
     * @throws NonFiniteException before the update, if a loss or the gradient is not finite
     */
    public StepResult step(long step, List<int[]> microBatches, MetricSums sums) {
        long start = System.nanoTime();
        parameters.zeroGradient();
        double loss = 0;
        int examples = 0;
        for (int[] microBatch : microBatches) {
            try (TensorScope _ = new TensorScope()) {
                Objective.MicroBatchResult result = objective.run(microBatch, microBatches, true);
                refuseNonFinite(step, microBatch, result.lossShares());
                for (double share : result.lossShares()) {
                    loss += share;
                }
                examples += microBatch.length;
                sums.add(result);
            }
        }
        double gradNorm = GradientNorm.of(parameters.flatGradient());
        if (!Double.isFinite(gradNorm)) {
            throw new NonFiniteException("step " + step + ": the gradient is not finite though the loss is (" + loss
                    + "); the examples of the step are " + describe(microBatches) + advice());
        }
        double learningRate = peakLearningRate * schedule.factor(step - 1);
        optimizer.step(learningRate, step, GradientNorm.clipScale(gradNorm, maxGradNorm));
        sums.addStep(loss, examples, (System.nanoTime() - start) / 1e9);
        return new StepResult(loss, gradNorm, learningRate);
    }

    private void refuseNonFinite(long step, int[] microBatch, double[] shares) {
        List<int[]> bad = new ArrayList<>();
        for (int i = 0; i < shares.length; i++) {
            if (!Double.isFinite(shares[i])) {
                bad.add(new int[] {microBatch[i]});
            }
        }
        if (!bad.isEmpty()) {
            throw new NonFiniteException("step " + step + ": the loss is not finite on " + describe(bad) + advice());
        }
    }

    private String describe(List<int[]> groups) {
        List<String> named = new ArrayList<>();
        int count = 0;
        for (int[] group : groups) {
            for (int example : group) {
                count++;
                if (named.size() < MOST_NAMED) {
                    named.add(objective.describe(example));
                }
            }
        }
        return String.join("; ", named) + (count > named.size() ? "; and " + (count - named.size()) + " more" : "");
    }

    private static String advice() {
        return ". No update was made and the last checkpoint is intact; try a lower learning rate or --dtype float32";
    }
}
