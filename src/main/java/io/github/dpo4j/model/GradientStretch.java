package io.github.dpo4j.model;

import org.bytedeco.pytorch.Tensor;

/**
 * The finished gradient of some of the flat weights.
 *
 * @param from the first of them
 * @param values float32 [n], zeros between weights
 */
public record GradientStretch(long from, Tensor values) {
    /** Returns the weight after the last one. */
    public long to() {
        return from + values.numel();
    }
}
