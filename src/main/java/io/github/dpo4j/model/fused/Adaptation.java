package io.github.dpo4j.model.fused;

import io.github.dpo4j.model.lora.Dropout;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A linear layer's adapter as products take it: W x becomes W x + s B A x.
 *
 * @param a [rank, in] in the compute type
 * @param b [out, rank] in the compute type
 * @param aGradient float32, or null for a frozen adapter; {@code bGradient} too
 * @param lengths of the rows of W + s B A where they are trained (DoRA); null where they are what they are
 */
record Adaptation(
        Tensor a,
        Tensor b,
        @Nullable Tensor aGradient,
        @Nullable Tensor bGradient,
        float scale,
        Dropout dropout,
        @Nullable Lengths lengths) {

    int rank() {
        return Math.toIntExact(a.size(0));
    }
}
