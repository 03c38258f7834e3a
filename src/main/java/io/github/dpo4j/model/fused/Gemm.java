package io.github.dpo4j.model.fused;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Libtorch's matrix products, into memory that is there. Each runs on the thread that calls it; the threads of a team share
 * out what there is to multiply. Libtorch's own threads would be a second pool, and the two would take turns by sleeping.
 */
final class Gemm {
    private Gemm() {}

    /** Returns a weight in the type that products take: as it is, but for one that is frozen in another type. */
    static Tensor as(Tensor weight, ScalarType type) {
        return weight.scalar_type().intern() == type ? weight : weight.to(type);
    }

    /** out = factor left right, or out += factor left right. */
    static void multiply(Tensor out, Tensor left, Tensor right, boolean add, float factor) {
        torch.addmm_out(out, out, left, right, new Scalar(add ? 1.0 : 0.0), new Scalar(factor));
    }

    /** out = left right, or out += left right. */
    static void multiply(Tensor out, Tensor left, Tensor right, boolean add) {
        if (add) {
            torch.addmm_out(out, out, left, right, new Scalar(1.0), new Scalar(1.0));
        } else {
            torch.mm_out(out, left, right);
        }
    }
}
