package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Gradients;
import io.github.dpo4j.kernel.Rows;
import io.github.dpo4j.kernel.Scratch;
import io.github.dpo4j.kernel.Sight;
import io.github.dpo4j.kernel.Softmax;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Workspace;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Attention block by block (a pair is a block): strips of a group's queries against the keys up to their end, products by
 * libtorch, softmax by kernel. Heads that share keys are rows of one matrix, so keys are never repeated. A strip is one
 * thread's from its first product to its last.
 */
record FusedAttention(Team team, Workspace scratch, ScalarType type, int heads, int groups, int headWidth) {
    private static final int QUERIES_A_STRIP = 256;

    /** Queries, keys, values of a pack, laid out by {@link io.github.dpo4j.kernel.Heads}, and log sum exp of each query's scores. */
    record Sides(Matrix queries, Matrix keys, Matrix values, Matrix logSums) {}

    /** Takes the sides of a pack from a workspace, with left-over contents. */
    Sides sides(Workspace workspace, Sight sight) {
        int room = sight.room();
        return new Sides(
                Matrix.take(workspace, type, room, heads * headWidth),
                Matrix.take(workspace, type, room, groups * headWidth),
                Matrix.take(workspace, type, room, groups * headWidth),
                Matrix.take(workspace, ScalarType.Float, room, heads));
    }

    /** Fills {@code out}, laid out as queries, with what they read. */
    void forward(Sides sides, Sight sight, float scale, Matrix out) {
        Workspace.Mark mark = scratch.mark();
        List<Softmax.Strip> strips = strips(sight, scale);
        List<Matrix> buffers = buffers(strips);
        team.run(strips.size(), (number, own) -> {
            try (TensorScope _ = new TensorScope()) {
                Softmax.Strip strip = strips.get(number);
                Matrix scores = scores(sides, strip, buffers.get(own.thread()));
                Softmax.forward(strip, scores.rows(), sides.logSums().rows(), own);
                Gemm.multiply(queries(out, strip), scores.rounded(), keys(sides.values(), strip), false);
            }
        });
        scratch.release(mark);
    }

    /**
     * Fills the gradients of queries, keys and values.
     *
     * @param outGradient laid out as queries
     * @param dots each query's dot product of output and its gradient
     */
    void backward(Sides sides, Sight sight, float scale, Matrix outGradient, Matrix dots, Sides gradients) {
        Workspace.Mark mark = scratch.mark();
        List<Softmax.Strip> strips = strips(sight, scale);
        List<Matrix> scores = buffers(strips);
        List<Matrix> scoreGradients = buffers(strips);
        List<Sums> sums = strips.stream().map(strip -> sums(strip, gradients)).toList();
        team.run(strips.size(), (number, own) -> {
            try (TensorScope _ = new TensorScope()) {
                Softmax.Strip strip = strips.get(number);
                Matrix probabilities = scores(sides, strip, scores.get(own.thread()));
                Tensor upstream = queries(outGradient, strip);
                Matrix gradient = scoreGradients.get(own.thread()).reshaped(strip.rows(), strip.end());
                Gemm.multiply(
                        gradient.rounded(),
                        upstream,
                        keys(sides.values(), strip).t(),
                        false);
                Softmax.backward(
                        strip,
                        probabilities.rows(),
                        gradient.rows(),
                        sides.logSums().rows(),
                        dots.rows(),
                        own);
                Gemm.multiply(
                        queries(gradients.queries(), strip), gradient.rounded(), keys(sides.keys(), strip), false);
                Sums sum = sums.get(number);
                Gemm.multiply(sum.values(), probabilities.rounded().t(), upstream, false);
                Gemm.multiply(sum.keys(), gradient.rounded().t(), queries(sides.queries(), strip), false);
            }
        });
        addUp(strips, sums, gradients);
        scratch.release(mark);
    }

    /** Where a strip's share of the gradients of keys and values goes: the whole's place if the block is one strip. */
    private record Sums(Tensor keys, Tensor values, List<Rows> parts) {}

    private Sums sums(Softmax.Strip strip, Sides gradients) {
        if (strip.end() - strip.first() == strip.block().room()) {
            return new Sums(keys(gradients.keys(), strip), keys(gradients.values(), strip), List.of());
        }
        Matrix keys = Matrix.take(scratch, type, strip.end(), headWidth);
        Matrix values = Matrix.take(scratch, type, strip.end(), headWidth);
        return new Sums(keys.tensor(), values.tensor(), List.of(keys.rows(), values.rows()));
    }

    /** Adds the shares of the strips of one group in a block, from the one that reaches farthest on. */
    private void addUp(List<Softmax.Strip> strips, List<Sums> sums, Sides gradients) {
        List<Integer> last = new ArrayList<>();
        for (int i = 0; i < strips.size(); i++) {
            if (!sums.get(i).parts().isEmpty()
                    && strips.get(i).end() == strips.get(i).block().room()) {
                last.add(i);
            }
        }
        team.run(2 * last.size(), (number, own) -> {
            int side = number % 2;
            Softmax.Strip whole = strips.get(last.get(number / 2));
            Matrix target = side == 0 ? gradients.keys() : gradients.values();
            int firstRow =
                    whole.block().at() * groups + whole.group() * whole.block().room();
            Rows rows = new Rows(
                    target.memory(), target.rows().half(), target.rows().rows() * groups, headWidth);
            for (int i = last.get(number / 2); i < strips.size(); i++) {
                Softmax.Strip strip = strips.get(i);
                if (strip.block().equals(whole.block()) && strip.group() == whole.group()) {
                    add(sums.get(i).parts().get(side), rows, firstRow, i == last.get(number / 2), own);
                }
            }
        });
    }

    private static void add(Rows part, Rows target, int firstRow, boolean first, Scratch own) {
        if (first) {
            Gradients.set(part, target, firstRow, 0, own);
        } else {
            Gradients.accumulate(part, target, firstRow, 0, own);
        }
    }

    /** The strips of all blocks and groups, those with most keys first: what is taken up last should be short. */
    private List<Softmax.Strip> strips(Sight sight, float scale) {
        List<Softmax.Strip> strips = new ArrayList<>();
        for (Sight.Block block : sight.blocks()) {
            int count = Math.ceilDiv(block.room(), QUERIES_A_STRIP);
            int queries = Matrix.round(Math.ceilDiv(block.room(), count));
            for (int first = 0; first < block.room(); first += queries) {
                int end = Math.min(block.room(), first + queries);
                for (int group = 0; group < groups; group++) {
                    strips.add(new Softmax.Strip(sight, block, first, end, group, groups, heads / groups, scale));
                }
            }
        }
        strips.sort(Comparator.comparingInt(Softmax.Strip::end).reversed());
        return strips;
    }

    /** A matrix a thread, large enough for the scores of any strip. */
    private List<Matrix> buffers(List<Softmax.Strip> strips) {
        int most = strips.stream()
                .mapToInt(strip -> Math.multiplyExact(Matrix.round(strip.rows()), strip.end()))
                .max()
                .orElse(0);
        List<Matrix> buffers = new ArrayList<>();
        for (int thread = 0; thread < Math.min(team.threads(), strips.size()); thread++) {
            buffers.add(Matrix.take(scratch, type, Matrix.round(1), Math.ceilDiv(most, Matrix.round(1))));
        }
        return buffers;
    }

    /** Returns the strip's unscaled scores, [rows, keys]. */
    private Matrix scores(Sides sides, Softmax.Strip strip, Matrix buffer) {
        Matrix scores = buffer.reshaped(strip.rows(), strip.end());
        Gemm.multiply(
                scores.rounded(),
                queries(sides.queries(), strip),
                keys(sides.keys(), strip).t(),
                false);
        return scores;
    }

    /** [rows of the strip, headWidth]. */
    private Tensor queries(Matrix all, Softmax.Strip strip) {
        int members = heads / groups;
        Sight.Block block = strip.block();
        long row = (long) block.at() * heads + ((long) strip.group() * block.room() + strip.first()) * members;
        return all.rounded().view(-1, headWidth).narrow(0, row, strip.rows());
    }

    /** [keys up to the strip's end, headWidth]. */
    private Tensor keys(Matrix all, Softmax.Strip strip) {
        Sight.Block block = strip.block();
        long row = (long) block.at() * groups + (long) strip.group() * block.room();
        return all.rounded().view(-1, headWidth).narrow(0, row, strip.end());
    }

    /**
     * Returns the most bytes that {@link #backward} takes for a pack of {@code tokens}, all of them one block.
     *
     * @param element bytes of a number in the compute type
     */
    static long bytes(long tokens, long heads, long groups, long headWidth, long element, int threads) {
        long room = Matrix.round(Math.toIntExact(tokens));
        long queries = Math.min(room, QUERIES_A_STRIP);
        long scores = 2L * threads * element * heads / groups * queries * room;
        long strips = Math.ceilDiv(room, QUERIES_A_STRIP);
        long shares = strips == 1 ? 0 : 2 * element * groups * headWidth * (strips + 1) * room / 2;
        return scores + shares;
    }
}
