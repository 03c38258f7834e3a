package io.github.dpo4j.objective;

/** What the sums of one optimizer step are divided by, counted over all its micro-batches before the first runs. */
public record StepCounts(long pairs, long chosenTokens) {
    double of(PreferenceLoss.Denominator denominator) {
        return switch (denominator) {
            case PAIRS -> pairs;
            case CHOSEN_TOKENS -> chosenTokens;
        };
    }
}
