package io.github.dpo4j.recipe;

/** Whether backward runs each layer's forward again, so that its activations need not be kept: a third more time. */
public enum ActivationCheckpointing {
    /** Where the run does not fit otherwise. */
    AUTO,
    ON,
    OFF;

    static final String SETTING = "activation_checkpointing";
}
