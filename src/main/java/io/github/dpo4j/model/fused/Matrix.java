package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Part;
import io.github.dpo4j.kernel.Rows;
import io.github.dpo4j.torch.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** One contiguous matrix as libtorch's products and as the kernels see it: rows of numbers of a workspace. */
final class Matrix {
    private final Workspace.Space space;
    private final Rows rows;

    private Matrix(Workspace.Space space, boolean half, int rows, int width) {
        this.space = space;
        this.rows = new Rows(space.memory(), half, rows, width);
    }

    /** Returns a matrix [rows, width] of the workspace with left-over contents, and room for a round number of rows. */
    static Matrix take(Workspace workspace, ScalarType type, int rows, int width) {
        return new Matrix(
                workspace.take(type, (long) Rows.round(rows) * width), type == ScalarType.BFloat16, rows, width);
    }

    /** Returns so many of them, one a thread or one a partial sum. */
    static List<Matrix> take(int count, Workspace workspace, ScalarType type, int rows, int width) {
        return Stream.generate(() -> take(workspace, type, rows, width))
                .limit(count)
                .toList();
    }

    Rows rows() {
        return rows;
    }

    ScalarType type() {
        return rows.half() ? ScalarType.BFloat16 : ScalarType.Float;
    }

    int width() {
        return rows.width();
    }

    /** Returns the memory of all rows, those of the rounding included. */
    MemorySegment memory() {
        return space.memory();
    }

    /** Returns the matrix as libtorch's; the handle is the innermost scope's, as with all that follow. */
    Tensor tensor() {
        return space.matrix(0, rows.rows(), rows.width());
    }

    /** Returns the matrix and the rows after it up to a round number, whose contents mean nothing. */
    Tensor rounded() {
        return space.matrix(0, Rows.round(rows.rows()), rows.width());
    }

    /** Returns the rows of a part, which may reach into the rounding. */
    Tensor part(Part part) {
        return space.matrix((long) part.from() * rows.width(), part.rows(), rows.width());
    }

    /** Returns {@code n} rows of {@code width} numbers from row {@code from} of rows so wide on. */
    Tensor rowsOf(int width, long from, long n) {
        return space.matrix(from * width, n, width);
    }

    /** Returns a matrix [n, width] in this one's memory, which another use may have filled. */
    Matrix reshaped(int n, int width) {
        return new Matrix(space, rows.half(), n, width);
    }

    /** Sets everything to zero. */
    void clear() {
        memory().fill((byte) 0);
    }

    /** Sets the rows of the rounding to zero, so that sums over all rows are those over the matrix's. */
    void clearRounding() {
        int element = rows.half() ? Short.BYTES : Float.BYTES;
        long used = (long) rows.rows() * rows.width() * element;
        long all = (long) Rows.round(rows.rows()) * rows.width() * element;
        memory().asSlice(used, all - used).fill((byte) 0);
    }
}
