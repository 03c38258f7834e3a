package io.github.dpo4j.train;

import io.github.dpo4j.model.GradientStorage;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.torch.TensorScope;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** Makes optimizer steps: micro-batches, finite check, clipping, update. */
public final class Trainer {
    private static final int MOST_NAMED = 8;

    private final Objective objective;
    private final Parameters parameters;
    private final Optimizer optimizer;
    private final double peakLearningRate;
    private final Schedule schedule;
    private final double maxGradNorm;

    /** {@code maxGradNorm} 0 leaves gradients unclipped; those that are kept by layer have to be. */
    public Trainer(
            Objective objective,
            Parameters parameters,
            Optimizer optimizer,
            double peakLearningRate,
            Schedule schedule,
            double maxGradNorm) {
        if (maxGradNorm > 0 && parameters.gradientStorage() == GradientStorage.BY_LAYER) {
            throw new IllegalArgumentException("the norm of gradients is known too late to clip what is kept by layer");
        }
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
     * Makes the 1-based {@code step} on its micro-batches and adds what is to be logged to {@code sums}. Weights whose
     * gradients are kept by layer are updated layer by layer, while the backward goes on below.
     *
     * @throws NonFiniteException before the update, if a loss or the gradient is not finite; by layer, before the update of the
     *     first layer whose gradient is not
     */
    public StepResult step(long step, List<Objective.MicroBatch> microBatches, MetricSums sums) {
        if (parameters.gradientStorage() == GradientStorage.BY_LAYER && microBatches.size() != 1) {
            throw new IllegalArgumentException(
                    "gradients that are kept by layer are of one micro-batch a step, not " + microBatches.size());
        }
        long start = System.nanoTime();
        double learningRate = peakLearningRate * schedule.factor(step - 1);
        Sums made = new Sums();
        parameters.zeroGradient();
        parameters.readGradients(() -> run(step, microBatches, made, sums), gradients -> {
            made.squares += GradientNorm.squares(gradients.values());
            if (!Double.isFinite(made.squares)) {
                throw new NonFiniteException("step " + step + ": the gradient is not finite though the loss is; the"
                        + " examples of the step are " + describe(examplesOf(microBatches))
                        + advice(parameters.gradientStorage()));
            }
            double scale = GradientNorm.clipScale(Math.sqrt(made.squares), maxGradNorm);
            optimizer.update(gradients, learningRate, step, scale);
        });
        optimizer.finish();
        sums.addStep(made.loss, made.examples, (System.nanoTime() - start) / 1e9);
        return new StepResult(made.loss, Math.sqrt(made.squares), learningRate);
    }

    /** What a step sums up: the loss of all examples so far, and the squares of all gradients so far. */
    private static final class Sums {
        private double loss;
        private int examples;
        private double squares;
    }

    private void run(long step, List<Objective.MicroBatch> microBatches, Sums made, MetricSums sums) {
        for (Objective.MicroBatch microBatch : microBatches) {
            try (TensorScope _ = new TensorScope()) {
                Objective.MicroBatchResult result = microBatch.run(true);
                NonFiniteLossException.check(result.lossShares());
                for (double share : result.lossShares()) {
                    made.loss += share;
                }
                made.examples += microBatch.examples().length;
                sums.add(result);
            } catch (NonFiniteLossException e) {
                int[] examples = Arrays.stream(e.places())
                        .map(place -> microBatch.examples()[place])
                        .toArray();
                throw new NonFiniteException("step " + step + ": the loss is not finite on " + describe(examples)
                        + advice(GradientStorage.WHOLE));
            }
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

    private static String advice(GradientStorage gradients) {
        String update = switch (gradients) {
            case WHOLE -> "No update was made";
            case BY_LAYER -> "Layers above it may have been updated";
        };
        return ". " + update + " and the last checkpoint is intact; try a lower learning rate or --dtype float32";
    }
}
