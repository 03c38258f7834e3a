package io.github.dpo4j.model.fused;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Libtorch's matrix products, into memory that is there. Each runs on the thread that calls it; the threads of a team share
 * out what there is to multiply. Libtorch's own threads would be a second pool, and the two would take turns by sleeping.
 */
final class Gemm {
    private Gemm() {}

    /** out = left right, or out += left right. */
    static void multiply(Tensor out, Tensor left, Tensor right, boolean add) {
        if (add) {
            torch.addmm_out(out, out, left, right, new Scalar(1.0), new Scalar(1.0));
        } else {
            torch.mm_out(out, left, right);
        }
    }
}
