package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Gates;
import io.github.dpo4j.kernel.Heads;
import io.github.dpo4j.kernel.Norms;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The parts of one layer.
 *
 * @param inputs the products that make queries, keys and values of the normed stream: three, or one for all
 * @param gate null for an MLP without a gate
 */
record FusedLayer(
        NormPart attentionNorm,
        Inputs inputs,
        Product attentionOutput,
        double attentionScale,
        NormPart mlpNorm,
        @Nullable Product gate,
        Product up,
        Product down,
        Gates.Activation activation) {

    /** A norm and the gradients of its weight and bias; null where it is frozen or has none. */
    record NormPart(
            Norms.Norm norm,
            @Nullable MemorySegment weightGradient,
            @Nullable MemorySegment biasGradient) {}

    /** Which product makes which heads, and in which of its columns they lie. */
    record Inputs(List<Product> products, Source query, Source key, Source value) {
        /** Heads in the columns of product number {@code product}. */
        record Source(int product, Heads heads) {}
    }
}
