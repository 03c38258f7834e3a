package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Part;
import java.lang.foreign.MemorySegment;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * y = x W^T, and the product backward to x. The bias is added by the kernel that reads y next; {@link WeightGradients} makes
 * the gradients of weight and bias.
 *
 * @param outIn the weight, in the compute type unless it is frozen in another, as [out, in], perhaps a transposed view
 * @param inOut the other way round
 * @param gradient float32 in the stored layout, added to; null for a frozen weight
 * @param transposed whether the weight lies as [in, out]
 * @param adaptation an adapter beside the weight, or null
 */
record Product(
        Tensor outIn,
        Tensor inOut,
        @Nullable Tensor gradient,
        boolean transposed,
        @Nullable MemorySegment bias,
        @Nullable MemorySegment biasGradient,
        @Nullable Adaptation adaptation) {

    int outputs() {
        return Math.toIntExact(outIn.size(0));
    }

    int inputs() {
        return Math.toIntExact(outIn.size(1));
    }

    /** Fills the part's rows of y, without an adapter. */
    void forward(Part part, Matrix x, Matrix y) {
        Gemm.multiply(y.part(part), x.part(part), Gemm.as(inOut, y.type()), false);
    }

    /** dx = dy W, or dx += dy W, in the part's rows. */
    void inputGradient(Part part, Matrix dy, Matrix dx, boolean add) {
        Gemm.multiply(dx.part(part), dy.part(part), Gemm.as(outIn, dx.type()), add);
    }
}
