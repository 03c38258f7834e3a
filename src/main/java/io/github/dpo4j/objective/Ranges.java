package io.github.dpo4j.objective;

import io.github.dpo4j.UserError;

/** What the settings of losses may be. */
final class Ranges {
    private Ranges() {}

    static void requirePositive(String name, double value) {
        if (!(value > 0) || Double.isInfinite(value)) {
            throw new UserError(name + " is " + value + "; it must be a number above 0");
        }
    }

    /** Label smoothing as the share of flipped labels. */
    static void requireSmoothing(double value) {
        if (!(value >= 0 && value < 0.5)) {
            throw new UserError("label_smoothing is " + value + "; it must be at least 0 and below 0.5");
        }
    }
}
