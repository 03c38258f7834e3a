package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Part;
import java.lang.foreign.MemorySegment;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * y = x W^T, and the product backward to x. The bias is added by the kernel that reads y next; {@link WeightGradients} makes
 * the gradients of weight and bias.
 *
 * @param outIn the weight in the compute type as [out, in], perhaps a transposed view
 * @param inOut the other way round
 * @param gradient float32 in the stored layout, added to; null for a frozen weight
 * @param transposed whether the weight lies as [in, out]
 */
record Product(
        Tensor outIn,
        Tensor inOut,
        @Nullable Tensor gradient,
        boolean transposed,
        @Nullable MemorySegment bias,
        @Nullable MemorySegment biasGradient) {

    static Product of(
            Tensor stored,
            @Nullable Tensor gradient,
            boolean transposed,
            @Nullable MemorySegment bias,
            @Nullable MemorySegment biasGradient) {
        Tensor other = stored.t();
        return transposed
                ? new Product(other, stored, gradient, true, bias, biasGradient)
                : new Product(stored, other, gradient, false, bias, biasGradient);
    }

    int outputs() {
        return Math.toIntExact(outIn.size(0));
    }

    /** Fills the part's rows of y. */
    void forward(Part part, Matrix x, Matrix y) {
        Gemm.multiply(y.part(part), x.part(part), inOut, false);
    }

    /** dx = dy W, or dx += dy W, in the part's rows. */
    void inputGradient(Part part, Matrix dy, Matrix dx, boolean add) {
        Gemm.multiply(dx.part(part), dy.part(part), outIn, add);
    }
}
