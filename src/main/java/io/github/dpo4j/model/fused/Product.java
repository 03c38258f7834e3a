package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Gradients;
import io.github.dpo4j.kernel.Rows;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.torch.Tensors;
import io.github.dpo4j.torch.Workspace;
import java.lang.foreign.MemorySegment;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * y = x W^T, and its two products backward. The bias is added by the kernel that reads y next.
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

    void forward(Matrix x, Matrix y) {
        torch.mm_out(y.rounded(), x.rounded(), inOut);
    }

    /** dx = dy W, or dx += dy W. */
    void inputGradient(Matrix dy, Matrix dx, boolean add) {
        if (add) {
            torch.addmm_out(dx.rounded(), dx.rounded(), dy.rounded(), outIn, new Scalar(1.0), new Scalar(1.0));
        } else {
            torch.mm_out(dx.rounded(), dy.rounded(), outIn);
        }
    }

    /** Adds dy^T x to the weight's gradient and the column sums of dy to the bias's, or begins their sums. */
    void weightGradient(Team team, Matrix dy, Matrix x, Workspace scratch, boolean overwrite) {
        if (biasGradient != null) {
            if (overwrite) {
                biasGradient.fill((byte) 0);
            }
            Gradients.addColumnSums(team, dy.rows(), biasGradient);
        }
        if (gradient == null) {
            return;
        }
        Tensor left = transposed ? x.tensor().t() : dy.tensor().t();
        Tensor right = transposed ? dy.tensor() : x.tensor();
        addProduct(team, left, right, gradient, scratch, overwrite);
    }

    /** sum += left right, or sum = left right, in float32; products of bfloat16 come as bfloat16 and are added by a kernel. */
    static void addProduct(Team team, Tensor left, Tensor right, Tensor sum, Workspace scratch, boolean overwrite) {
        if (left.scalar_type().intern() == ScalarType.Float) {
            if (overwrite) {
                torch.mm_out(sum, left, right);
                return;
            }
            torch.addmm_out(sum, sum, left, right, new Scalar(1.0), new Scalar(1.0));
            return;
        }
        Workspace.Mark mark = scratch.mark();
        int rows = Math.toIntExact(left.size(0));
        int columns = Math.toIntExact(right.size(1));
        Workspace.Space part = scratch.take(ScalarType.BFloat16, rows, columns);
        torch.mm_out(part.tensor(), left, right);
        Rows product = new Rows(part.memory(), true, rows, columns);
        if (overwrite) {
            Gradients.set(team, product, Tensors.bytesOf(sum));
        } else {
            Gradients.accumulate(team, product, Tensors.bytesOf(sum));
        }
        scratch.release(mark);
    }
}
