package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Gradients;
import io.github.dpo4j.kernel.Rows;
import io.github.dpo4j.kernel.Scratch;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import io.github.dpo4j.torch.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The gradients of the weights of one layer: dy^T x each, in tiles that the threads of a team take from a common list. Products
 * of bfloat16 come as bfloat16 and are added in float32.
 */
final class WeightGradients {
    /** A tile's product takes a millisecond or two of one core, and what it makes stays in that core's cache. */
    private static final int TILE = 384 * 1024;

    private static final int MOST_ROWS = 384;
    /** Whole rows of all but very wide weights: written in one stretch. */
    private static final int MOST_COLUMNS = 3072;

    private final Workspace scratch;
    private final ScalarType type;
    private final boolean overwrite;
    private final List<Task> tasks = new ArrayList<>();

    /** {@code overwrite} where gradients begin rather than being added to. */
    WeightGradients(Workspace scratch, ScalarType type, boolean overwrite) {
        this.scratch = scratch;
        this.type = type;
        this.overwrite = overwrite;
    }

    private interface Task {
        void run(Scratch own, Matrix tile);
    }

    /** Adds a product's weight and bias, given the gradient of what it gave and what it was given. */
    void add(Product product, Matrix dy, Matrix x) {
        MemorySegment bias = product.biasGradient();
        if (bias != null) {
            tasks.add((own, _) -> {
                if (overwrite) {
                    bias.fill((byte) 0);
                }
                Gradients.addColumnSums(dy.rows(), bias, own);
            });
        }
        Tensor gradient = product.gradient();
        if (gradient != null) {
            add(gradient, product.transposed() ? x : dy, product.transposed() ? dy : x);
        }
    }

    /** Adds a gradient that is left^T right, sums over tokens. */
    void add(Tensor gradient, Matrix left, Matrix right) {
        left.clearRounding();
        right.clearRounding();
        int columns = even(right.width(), MOST_COLUMNS);
        int round = Rows.round(1);
        int rows = even(left.width(), Math.min(MOST_ROWS, TILE / columns / round * round));
        for (int row = 0; row < left.width(); row += rows) {
            for (int column = 0; column < right.width(); column += columns) {
                Tile tile = new Tile(
                        row, Math.min(rows, left.width() - row), column, Math.min(columns, right.width() - column));
                tasks.add((own, buffer) -> {
                    Tensor a = left.rounded().narrow(1, tile.row(), tile.rows()).t();
                    Tensor b = right.rounded().narrow(1, tile.column(), tile.columns());
                    multiply(gradient, tile, a, b, !overwrite, buffer, own);
                });
            }
        }
    }

    /** Returns the length of parts of {@code all}, about as long as each other: a round number like {@code most}, and no more. */
    private static int even(int all, int most) {
        int parts = Math.ceilDiv(all, most);
        return Math.min(most, Rows.round(Math.ceilDiv(all, parts)));
    }

    /** A part of a gradient. */
    record Tile(int row, int rows, int column, int columns) {}

    /** Sets a tile of a gradient [.., ..] to a b, or adds that; {@code buffer} has room for the tile in the compute type. */
    static void multiply(Tensor gradient, Tile tile, Tensor a, Tensor b, boolean add, Matrix buffer, Scratch own) {
        if (!buffer.rows().half()) {
            Tensor target = gradient.narrow(0, tile.row(), tile.rows()).narrow(1, tile.column(), tile.columns());
            Gemm.multiply(target, a, b, add);
            return;
        }
        Matrix product = buffer.reshaped(tile.rows(), tile.columns());
        Gemm.multiply(product.tensor(), a, b, false);
        Rows sums = new Rows(
                Tensors.bytesOf(gradient), false, Math.toIntExact(gradient.size(0)), Math.toIntExact(gradient.size(1)));
        Gradients.put(product.rows(), sums, tile.row(), tile.column(), add, own);
    }

    /** Makes them all. */
    void run(Team team) {
        Workspace.Mark mark = scratch.mark();
        int rows = Rows.round(1);
        int width = type == ScalarType.Float ? 0 : TILE / rows;
        List<Matrix> tiles = Matrix.take(team.threads(), scratch, type, rows, width);
        team.run(tasks.size(), (number, own) -> {
            try (TensorScope _ = new TensorScope()) {
                tasks.get(number).run(own, tiles.get(own.thread()));
            }
        });
        scratch.release(mark);
    }

    /** Returns the bytes that tiles take on {@code threads}. */
    static long tileBytes(long element, int threads) {
        return element == Float.BYTES ? 0 : element * TILE * threads;
    }
}
