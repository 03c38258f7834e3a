package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Gates;
import io.github.dpo4j.kernel.Heads;
import io.github.dpo4j.kernel.Norms;
import io.github.dpo4j.model.LayerAttention;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The parts of one layer.
 *
 * @param afterAttention a norm of what attention gives, or null; {@code afterMlp} of what the MLP gives
 */
record FusedLayer(
        LayerAttention positions,
        NormPart attentionNorm,
        Inputs inputs,
        Product attentionOutput,
        @Nullable NormPart afterAttention,
        double attentionScale,
        NormPart mlpNorm,
        MlpInputs mlpInputs,
        Product down,
        @Nullable NormPart afterMlp,
        Gates.Activation activation) {

    /** A norm and the gradients of its weight and bias; null where it is frozen or has none. */
    record NormPart(
            Norms.Norm norm,
            @Nullable MemorySegment weightGradient,
            @Nullable MemorySegment biasGradient) {}

    /** The products that make queries, keys and values of the normed stream: three, or one for all. */
    record Inputs(List<Product> products, Source query, Source key, Source value) {
        /**
         * Heads in the columns of product number {@code product}.
         *
         * @param norm over each of them, or null
         */
        record Source(int product, Heads heads, @Nullable NormPart norm) {}

        /** True where what the products made is needed again to go backward through norms. */
        boolean normed() {
            return query.norm() != null || key.norm() != null;
        }
    }

    /**
     * The products before the MLP's non-linearity: up, or gate and up, or one for both.
     *
     * @param gate null for an MLP without a gate
     */
    record MlpInputs(List<Product> products, @Nullable Columns gate, Columns up) {
        /** Columns of product number {@code product} from {@code column} on. */
        record Columns(int product, int column) {}
    }
}
