package io.github.dpo4j.train;

/** A loss or gradient that is NaN or infinite. Thrown before the optimizer step, so weights and checkpoints are intact. */
public final class NonFiniteException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public NonFiniteException(String message) {
        super(message);
    }
}
