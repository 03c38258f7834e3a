package io.github.dpo4j.model;

/** How much of a model's gradient is there at a time. */
public enum GradientStorage {
    /** All of it, beside all weights: it can be summed over micro-batches, and clipped by its norm. */
    WHOLE,
    /**
     * The matrices of one layer, and all that is outside layers. Each layer's gradient takes the place of the one before, so
     * whoever wants it reads it as soon as it is made: see {@link Parameters#readGradients}.
     */
    BY_LAYER
}
