package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Sight;
import io.github.dpo4j.kernel.Softmax;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Workspace;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Attention block by block (a pair is a block), strips of queries against the keys up to their end: products by libtorch,
 * softmax by kernel. Heads that share keys are rows of one matrix, so keys are never repeated.
 */
record FusedAttention(Team team, Workspace scratch, ScalarType type, int heads, int groups, int headWidth) {
    private static final int QUERIES_A_STRIP = 192;

    /** Queries, keys, values of a pack, laid out by {@link io.github.dpo4j.kernel.Heads}, and log sum exp of each query's scores. */
    record Sides(Matrix queries, Matrix keys, Matrix values, Matrix logSums) {}

    /** Fills {@code out}, laid out as queries, with what they read. */
    void forward(Sides sides, Sight sight, float scale, Matrix out) {
        for (Sight.Block block : sight.blocks()) {
            for (int first = 0; first < block.length(); first = end(block, first)) {
                try (TensorScope _ = new TensorScope()) {
                    Workspace.Mark mark = scratch.mark();
                    Softmax.Strip strip = strip(sight, block, first, scale);
                    Matrix scores = scores(sides, strip);
                    Softmax.forward(team, strip, scores.rows(), sides.logSums().rows());
                    torch.bmm_out(queries(out, strip), batched(scores, strip), keys(sides.values(), strip));
                    scratch.release(mark);
                }
            }
        }
    }

    /**
     * Fills the gradients of queries, keys and values.
     *
     * @param outGradient laid out as queries
     * @param dots each query's dot product of output and its gradient
     */
    void backward(Sides sides, Sight sight, float scale, Matrix outGradient, Matrix dots, Sides gradients) {
        for (Sight.Block block : sight.blocks()) {
            // From the last strip, which sees all keys, to the first: so sums over queries begin with a whole matrix.
            int first = (block.length() - 1) / QUERIES_A_STRIP * QUERIES_A_STRIP;
            for (boolean whole = true; first >= 0; first -= QUERIES_A_STRIP, whole = false) {
                try (TensorScope _ = new TensorScope()) {
                    Workspace.Mark mark = scratch.mark();
                    backward(sides, strip(sight, block, first, scale), outGradient, dots, gradients, whole);
                    scratch.release(mark);
                }
            }
        }
    }

    private void backward(
            Sides sides, Softmax.Strip strip, Matrix outGradient, Matrix dots, Sides gradients, boolean whole) {
        Matrix scores = scores(sides, strip);
        Matrix scoreGradients = Matrix.take(scratch, type, rows(strip), strip.end());
        Tensor upstream = queries(outGradient, strip);
        torch.bmm_out(
                batched(scoreGradients, strip),
                upstream,
                keys(sides.values(), strip).transpose(1, 2));
        Softmax.backward(
                team,
                strip,
                scores.rows(),
                scoreGradients.rows(),
                sides.logSums().rows(),
                dots.rows());
        Tensor dScores = batched(scoreGradients, strip);
        torch.bmm_out(queries(gradients.queries(), strip), dScores, keys(sides.keys(), strip));
        sum(keys(gradients.values(), strip), batched(scores, strip).transpose(1, 2), upstream, whole);
        sum(keys(gradients.keys(), strip), dScores.transpose(1, 2), queries(sides.queries(), strip), whole);
    }

    private static void sum(Tensor target, Tensor left, Tensor right, boolean whole) {
        if (whole) {
            torch.bmm_out(target, left, right);
        } else {
            torch.baddbmm_out(target, target, left, right, new Scalar(1.0), new Scalar(1.0));
        }
    }

    /** Returns the strip's unscaled scores, [groups x rows of a group, keys]. */
    private Matrix scores(Sides sides, Softmax.Strip strip) {
        Matrix scores = Matrix.take(scratch, type, rows(strip), strip.end());
        torch.bmm_out(
                batched(scores, strip),
                queries(sides.queries(), strip),
                keys(sides.keys(), strip).transpose(1, 2));
        return scores;
    }

    private Softmax.Strip strip(Sight sight, Sight.Block block, int first, float scale) {
        return new Softmax.Strip(sight, block, first, end(block, first), groups, heads / groups, scale);
    }

    private static int end(Sight.Block block, int first) {
        return Math.min(block.length(), first + QUERIES_A_STRIP);
    }

    private int rows(Softmax.Strip strip) {
        return groups * rowsOfGroup(strip);
    }

    private int rowsOfGroup(Softmax.Strip strip) {
        return (strip.end() - strip.first()) * (heads / groups);
    }

    private Tensor batched(Matrix scores, Softmax.Strip strip) {
        return scores.tensor().view(groups, rowsOfGroup(strip), strip.end());
    }

    /** [groups, rows of the strip, headWidth]. */
    private Tensor queries(Matrix all, Softmax.Strip strip) {
        int members = heads / groups;
        Sight.Block block = strip.block();
        return all.tensor()
                .view(-1)
                .narrow(0, (long) block.start() * heads * headWidth, (long) block.length() * heads * headWidth)
                .view(groups, (long) block.length() * members, headWidth)
                .narrow(1, (long) strip.first() * members, rowsOfGroup(strip));
    }

    /** [groups, keys up to the strip's end, headWidth]. */
    private Tensor keys(Matrix all, Softmax.Strip strip) {
        Sight.Block block = strip.block();
        return all.tensor()
                .view(-1)
                .narrow(0, (long) block.start() * groups * headWidth, (long) block.length() * groups * headWidth)
                .view(groups, block.length(), headWidth)
                .narrow(1, 0, strip.end());
    }
}
