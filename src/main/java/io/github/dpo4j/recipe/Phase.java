package io.github.dpo4j.recipe;

import java.util.Locale;

/** What the time of an optimizer step goes to, in the order of a micro-batch. */
public enum Phase {
    /** The reference's logps. */
    REFERENCE,
    /** The policy's logps. */
    FORWARD,
    /** From the gradient of the policy's logps to that of its weights. */
    BACKWARD,
    /** The gradient's norm and the update. */
    OPTIMIZER,
    /** All else: cutting the step into micro-batches, packing, the loss and its metrics. */
    HOST;

    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
