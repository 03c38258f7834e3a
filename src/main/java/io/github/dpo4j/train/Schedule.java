package io.github.dpo4j.train;

import io.github.dpo4j.UserError;

/** The learning rate as a share of its peak, at a 0-based step; as in transformers' schedules. */
public sealed interface Schedule {
    double factor(long step);

    /** From 0 up over the warm-up, then down to 0 at the last step. */
    record Linear(long warmupSteps, long totalSteps) implements Schedule {
        @Override
        public double factor(long step) {
            return step < warmupSteps
                    ? warmup(step, warmupSteps)
                    : Math.max(0, (double) (totalSteps - step) / Math.max(1, totalSteps - warmupSteps));
        }
    }

    /** From 0 up over the warm-up, then half a cosine down to 0 (Loshchilov and Hutter 2016, arXiv 1608.03983). */
    record Cosine(long warmupSteps, long totalSteps) implements Schedule {
        @Override
        public double factor(long step) {
            if (step < warmupSteps) {
                return warmup(step, warmupSteps);
            }
            double progress = (double) (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
            return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
        }
    }

    record Constant() implements Schedule {
        @Override
        public double factor(long step) {
            return 1;
        }
    }

    record ConstantWithWarmup(long warmupSteps) implements Schedule {
        @Override
        public double factor(long step) {
            return step < warmupSteps ? warmup(step, warmupSteps) : 1;
        }
    }

    private static double warmup(long step, long warmupSteps) {
        return (double) step / Math.max(1, warmupSteps);
    }

    /** Returns the schedule of that name; throws {@link UserError} for an unknown one, or a warm-up that would be ignored. */
    static Schedule named(String name, long warmupSteps, long totalSteps) {
        if (warmupSteps > totalSteps) {
            throw new UserError("warmup_steps is " + warmupSteps + ", more than the run's " + totalSteps + " steps");
        }
        return switch (name) {
            case "linear" -> new Linear(warmupSteps, totalSteps);
            case "cosine" -> new Cosine(warmupSteps, totalSteps);
            case "constant" -> {
                if (warmupSteps > 0) {
                    throw new UserError("lr_scheduler_type constant has no warm-up, but " + warmupSteps
                            + " warm-up steps are asked for; use constant_with_warmup");
                }
                yield new Constant();
            }
            case "constant_with_warmup" -> new ConstantWithWarmup(warmupSteps);
            default ->
                throw new UserError("lr_scheduler_type '" + name
                        + "' is unknown; it is linear, cosine, constant or constant_with_warmup");
        };
    }
}
