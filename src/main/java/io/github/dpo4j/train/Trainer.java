package io.github.dpo4j.train;

import io.github.dpo4j.kernel.Chance;
import io.github.dpo4j.model.GradientStorage;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;

/** Makes optimizer steps: micro-batches, finite check, clipping, update. */
public final class Trainer {
    private static final int MOST_NAMED = 8;

    private final Objective objective;
    private final Parameters parameters;
    private final Optimizer optimizer;
    private final double peakLearningRate;
    private final Schedule schedule;
    private final double maxGradNorm;
    private final long seed;

    /** Trains without a seed of its own: nothing but dropout is left to chance. */
    public Trainer(
            Objective objective,
            Parameters parameters,
            Optimizer optimizer,
            double peakLearningRate,
            Schedule schedule,
            double maxGradNorm) {
        this(objective, parameters, optimizer, peakLearningRate, schedule, maxGradNorm, 0);
    }

    /**
     * Prepares steps of these parameters.
     *
     * @param maxGradNorm 0 leaves gradients unclipped; those that are kept by layer have to be
     * @param seed of dropout
     */
    public Trainer(
            Objective objective,
            Parameters parameters,
            Optimizer optimizer,
            double peakLearningRate,
            Schedule schedule,
            double maxGradNorm,
            long seed) {
        if (maxGradNorm > 0 && parameters.gradientStorage() == GradientStorage.BY_LAYER) {
            throw new IllegalArgumentException("the norm of gradients is known too late to clip what is kept by layer");
        }
        this.objective = objective;
        this.parameters = parameters;
        this.optimizer = optimizer;
        this.peakLearningRate = peakLearningRate;
        this.schedule = schedule;
        this.maxGradNorm = maxGradNorm;
        this.seed = seed;
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
        try (TensorScope _ = new TensorScope()) {
            Made made = new Made(step, sums);
            parameters.zeroGradient();
            parameters.readGradients(() -> run(microBatches, made), gradients -> {
                made.read(GradientNorm.norms(gradients.values()));
                if (!Double.isFinite(made.squares)) {
                    throw new NonFiniteException("step " + step + ": the gradient is not finite though the loss is; the"
                            + " examples of the step are " + describe(examplesOf(microBatches))
                            + advice(parameters.gradientStorage()));
                }
                double scale = GradientNorm.clipScale(Math.sqrt(made.squares), maxGradNorm);
                optimizer.update(gradients, learningRate, step, scale);
            });
            optimizer.finish();
            made.readRest();
            sums.addStep(made.loss, made.examples, (System.nanoTime() - start) / 1e9);
            return new StepResult(made.loss, Math.sqrt(made.squares), learningRate);
        }
    }

    private void run(List<Objective.MicroBatch> microBatches, Made made) {
        long ofStep = Chance.mix(seed, made.step);
        for (int i = 0; i < microBatches.size(); i++) {
            Objective.MicroBatch microBatch = microBatches.get(i);
            try {
                parameters.withChance(Chance.mix(ofStep, i), () -> run(microBatch, made));
            } catch (NonFiniteLossException e) {
                throw nonFinite(made.step, microBatch.examples(), e);
            }
        }
    }

    private static void run(Objective.MicroBatch microBatch, Made made) {
        try (TensorScope scope = new TensorScope()) {
            Objective.Unread unread = microBatch.start(true);
            scope.keep(unread.values());
            made.unread.add(new Ran(microBatch.examples(), unread));
        }
    }

    /** A micro-batch that has run, and what it gave. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Ran(int[] examples, Objective.Unread unread) {}

    /** What a step has made so far, read from the device once: with the norms of the whole gradient. */
    private final class Made {
        private final long step;
        private final MetricSums sums;
        private final List<Ran> unread = new ArrayList<>();
        private double loss;
        private int examples;
        private double squares;

        Made(long step, MetricSums sums) {
            this.step = step;
            this.sums = sums;
        }

        /** Reads what micro-batches gave, and the norms of slices of a gradient. */
        void read(Tensor norms) {
            List<Tensor> tensors = new ArrayList<>();
            unread.forEach(ran -> tensors.add(ran.unread().values().reshape(-1)));
            tensors.add(norms);
            double[] read = Tensors.toDoubles(Tensors.cat(0, tensors.toArray(Tensor[]::new)));
            int at = 0;
            for (int i = 0; i < unread.size(); i++) {
                int end = at + Math.toIntExact(tensors.get(i).numel());
                add(unread.get(i), Arrays.copyOfRange(read, at, end));
                at = end;
            }
            unread.clear();
            squares += GradientNorm.squares(Arrays.copyOfRange(read, at, read.length));
        }

        /** Reads what micro-batches gave whose gradients have been read layer by layer. */
        void readRest() {
            for (Ran ran : unread) {
                add(ran, Tensors.toDoubles(ran.unread().values()));
            }
            unread.clear();
        }

        private void add(Ran ran, double[] values) {
            Objective.MicroBatchResult result = ran.unread().meaning().apply(values);
            try {
                NonFiniteLossException.check(result.lossShares());
            } catch (NonFiniteLossException e) {
                throw nonFinite(step, ran.examples(), e);
            }
            for (double share : result.lossShares()) {
                loss += share;
            }
            examples += ran.examples().length;
            sums.add(result);
        }
    }

    private NonFiniteException nonFinite(long step, int[] microBatch, NonFiniteLossException e) {
        int[] examples =
                Arrays.stream(e.places()).map(place -> microBatch[place]).toArray();
        return new NonFiniteException(
                "step " + step + ": the loss is not finite on " + describe(examples) + advice(GradientStorage.WHOLE));
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
