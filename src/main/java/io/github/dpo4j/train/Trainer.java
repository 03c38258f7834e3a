package io.github.dpo4j.train;

import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.torch.TensorScope;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

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
    public StepResult step(long step, List<Objective.MicroBatch> microBatches, MetricSums sums) {
        long start = System.nanoTime();
        parameters.zeroGradient();
        double loss = 0;
        int examples = 0;
        for (Objective.MicroBatch microBatch : microBatches) {
            try (TensorScope _ = new TensorScope()) {
                Objective.MicroBatchResult result = microBatch.run(true);
                refuseNonFinite(step, microBatch.examples(), result.lossShares());
                for (double share : result.lossShares()) {
                    loss += share;
                }
                examples += microBatch.examples().length;
                sums.add(result);
            }
        }
        double gradNorm = GradientNorm.of(parameters.flatGradient());
        if (!Double.isFinite(gradNorm)) {
            throw new NonFiniteException("step " + step + ": the gradient is not finite though the loss is (" + loss
                    + "); the examples of the step are " + describe(examplesOf(microBatches)) + advice());
        }
        double learningRate = peakLearningRate * schedule.factor(step - 1);
        optimizer.step(learningRate, step, GradientNorm.clipScale(gradNorm, maxGradNorm));
        sums.addStep(loss, examples, (System.nanoTime() - start) / 1e9);
        return new StepResult(loss, gradNorm, learningRate);
    }

    private void refuseNonFinite(long step, int[] examples, double[] shares) {
        int[] bad = IntStream.range(0, shares.length)
                .filter(i -> !Double.isFinite(shares[i]))
                .map(i -> examples[i])
                .toArray();
        if (bad.length > 0) {
            throw new NonFiniteException("step " + step + ": the loss is not finite on " + describe(bad) + advice());
        }
    }

    private static int[] examplesOf(List<Objective.MicroBatch> microBatches) {
        return microBatches.stream()
                .flatMapToInt(microBatch -> Arrays.stream(microBatch.examples()))
                .toArray();
    }

    private String describe(int[] examples) {
        String named = Arrays.stream(examples)
                .limit(MOST_NAMED)
                .mapToObj(objective::describe)
                .collect(Collectors.joining("; "));
        int more = examples.length - MOST_NAMED;
        return named + (more > 0 ? "; and " + more + " more" : "");
    }

    private static String advice() {
        return ". No update was made and the last checkpoint is intact; try a lower learning rate or --dtype float32";
    }
}
