package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Rows;
import io.github.dpo4j.torch.Tensors;
import io.github.dpo4j.torch.Workspace;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One contiguous matrix as libtorch's products and as the kernels see it.
 *
 * @param rounded the matrix and the memory after it up to a round number of rows, whose contents mean nothing
 */
record Matrix(Tensor tensor, Tensor rounded, Rows rows) {
    /**
     * Products of a round number of rows are up to a fifth faster, and libtorch compiles code for each number that it has not
     * met; rows of a product that nobody reads cost less.
     */
    private static final int ROUND_ROWS = 32;

    /** Returns a matrix [rows, width] of the workspace with left-over contents. */
    static Matrix take(Workspace workspace, ScalarType type, int rows, int width) {
        int round = Math.ceilDiv(rows, ROUND_ROWS) * ROUND_ROWS;
        Workspace.Space space = workspace.take(type, round, width);
        return new Matrix(
                space.tensor().narrow(0, 0, rows),
                space.tensor(),
                new Rows(space.memory(), type == ScalarType.BFloat16, rows, width));
    }

    /** Wraps a contiguous CPU tensor of float32 or bfloat16 whose first dimension counts the rows. */
    static Matrix of(Tensor tensor) {
        int rows = Math.toIntExact(tensor.size(0));
        int width = Math.toIntExact(tensor.numel() / Math.max(1, rows));
        return new Matrix(
                tensor,
                tensor,
                new Rows(Tensors.bytesOf(tensor), tensor.scalar_type().intern() == ScalarType.BFloat16, rows, width));
    }

    int width() {
        return rows.width();
    }

    /** Sets everything to zero. */
    void clear() {
        rows.memory().fill((byte) 0);
    }
}
