package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Part;
import io.github.dpo4j.kernel.Rows;
import io.github.dpo4j.torch.Tensors;
import io.github.dpo4j.torch.Workspace;
import java.lang.foreign.MemorySegment;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One contiguous matrix as libtorch's products and as the kernels see it.
 *
 * @param rounded the matrix and rows after it up to a round number, whose contents mean nothing
 * @param memory that of {@code rounded}
 */
record Matrix(Tensor rounded, MemorySegment memory, Rows rows) {
    /**
     * Products of a round number of rows are up to a fifth faster, and libtorch compiles code for each number that it has not
     * met; rows of a product that nobody reads cost less.
     */
    private static final int ROUND_ROWS = 32;

    static int round(int rows) {
        return Math.ceilDiv(rows, ROUND_ROWS) * ROUND_ROWS;
    }

    /** Returns a matrix [rows, width] of the workspace with left-over contents. */
    static Matrix take(Workspace workspace, ScalarType type, int rows, int width) {
        Workspace.Space space = workspace.take(type, round(rows), width);
        return new Matrix(
                space.tensor(), space.memory(), new Rows(space.memory(), type == ScalarType.BFloat16, rows, width));
    }

    /** Wraps a contiguous CPU tensor of float32 or bfloat16 whose first dimension counts the rows. */
    static Matrix of(Tensor tensor) {
        int rows = Math.toIntExact(tensor.size(0));
        int width = Math.toIntExact(tensor.numel() / Math.max(1, rows));
        MemorySegment memory = Tensors.bytesOf(tensor);
        return new Matrix(
                tensor, memory, new Rows(memory, tensor.scalar_type().intern() == ScalarType.BFloat16, rows, width));
    }

    /** Returns the matrix alone. */
    Tensor tensor() {
        return rounded.narrow(0, 0, rows.rows());
    }

    int width() {
        return rows.width();
    }

    /** Returns the rows of a part, which may reach into the rounding. */
    Tensor part(Part part) {
        return rounded.narrow(0, part.from(), part.rows());
    }

    /** Returns a matrix [n, width] in this one's memory, which another use may have filled. */
    Matrix reshaped(int n, int width) {
        return new Matrix(
                rounded.view(-1).narrow(0, 0, (long) round(n) * width).view(round(n), width),
                memory,
                new Rows(memory, rows.half(), n, width));
    }

    /** Sets everything to zero. */
    void clear() {
        memory.fill((byte) 0);
    }

    /** Sets the rows of the rounding to zero, so that sums over all rows are those over the matrix's. */
    void clearRounding() {
        long used = (long) rows.rows() * rows.width() * (rows.half() ? Short.BYTES : Float.BYTES);
        memory.asSlice(used).fill((byte) 0);
    }
}
