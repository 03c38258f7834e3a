package io.github.dpo4j.train;

import io.github.dpo4j.UserError;

/** Which optimizer, with the values that transformers gives it. Weight decay is for matrices alone, not biases and norms. */
public sealed interface OptimizerSettings {
    double weightDecay();

    /** AdamW (Loshchilov and Hutter 2017, arXiv 1711.05101). */
    record AdamW(double beta1, double beta2, double epsilon, double weightDecay) implements OptimizerSettings {
        public AdamW {
            requireShare("adam_beta1", beta1);
            requireShare("adam_beta2", beta2);
            requireDecay(weightDecay);
            requireEpsilon("adam_epsilon", epsilon);
        }
    }

    /** RMSprop (Hinton 2012), the DPO paper's optimizer; its weight decay is added to the gradient. */
    record RmsProp(double alpha, double epsilon, double weightDecay) implements OptimizerSettings {
        public RmsProp {
            requireShare("alpha", alpha);
            requireDecay(weightDecay);
            requireEpsilon("epsilon", epsilon);
        }
    }

    private static void requireShare(String name, double value) {
        if (!(value >= 0 && value < 1)) {
            throw new UserError(name + " is " + value + "; it must be at least 0 and below 1");
        }
    }

    private static void requireEpsilon(String name, double value) {
        if (!(value > 0) || Double.isInfinite(value)) {
            throw new UserError(name + " is " + value + "; it must be a number above 0");
        }
    }

    private static void requireDecay(double value) {
        if (!(value >= 0) || Double.isInfinite(value)) {
            throw new UserError("weight_decay is " + value + "; it must be 0 or a positive number");
        }
    }
}
