package io.github.dpo4j.recipe;

import java.util.function.BooleanSupplier;

/**
 * Asks a run to stop after the step under way, with a checkpoint. Between {@link #trainingBegins} and {@link #trainingEnds} there
 * is something to save; outside, whoever asks need not wait.
 */
@FunctionalInterface
public interface StopRequest extends BooleanSupplier {
    default void trainingBegins() {}

    default void trainingEnds() {}

    /** Never asks. */
    static StopRequest never() {
        return () -> false;
    }
}
