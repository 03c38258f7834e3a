package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Gradients;
import io.github.dpo4j.kernel.Rows;
import io.github.dpo4j.kernel.Scratch;
import io.github.dpo4j.kernel.Sight;
import io.github.dpo4j.kernel.Softmax;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.model.DecoderSettings;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Workspace;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Attention block by block (a pair is a block): strips of a group's queries against the keys up to their end, products by
 * libtorch, softmax by kernel. Heads that share keys are rows of one matrix, so keys are never repeated. A strip is one
 * thread's from its first product to its last.
 */
record FusedAttention(Team team, Workspace scratch, ScalarType type, int heads, int groups, int headWidth) {
    private static final int QUERIES_A_STRIP = 256;
    /** A long block's strips are shared out among so many, each with sums of its own. */
    private static final int PIECES = 4;

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
        List<Piece> pieces = pieces(strips, gradients);
        team.run(pieces.size(), (number, own) -> {
            Piece piece = pieces.get(number);
            for (Softmax.Strip strip : piece.strips()) {
                try (TensorScope _ = new TensorScope()) {
                    Matrix probabilities = scores(sides, strip, scores.get(own.thread()));
                    Tensor upstream = queries(outGradient, strip);
                    Matrix gradient = scoreGradients.get(own.thread()).reshaped(strip.rows(), strip.end());
                    Tensor valuesToKeys = keys(sides.values(), strip).t();
                    Gemm.multiply(gradient.rounded(), upstream, valuesToKeys, false);
                    Softmax.backward(
                            strip,
                            probabilities.rows(),
                            gradient.rows(),
                            sides.logSums().rows(),
                            dots.rows(),
                            own);
                    Tensor queryGradient = queries(gradients.queries(), strip);
                    Gemm.multiply(queryGradient, gradient.rounded(), keys(sides.keys(), strip), false);
                    boolean add = !strip.equals(piece.strips().getFirst());
                    Gemm.multiply(
                            piece.values().of(strip), probabilities.rounded().t(), upstream, add);
                    Gemm.multiply(piece.keys().of(strip), gradient.rounded().t(), queries(sides.queries(), strip), add);
                }
            }
        });
        addUp(pieces);
        scratch.release(mark);
    }

    /**
     * Strips of one group in a block that one thread works on, the one that sees most keys first.
     *
     * @param first whether it is the first of its block and group, and so sees all keys
     */
    private record Piece(List<Softmax.Strip> strips, Sum keys, Sum values, boolean first) {
        boolean belongsTo(Piece other) {
            Softmax.Strip mine = strips.getFirst();
            Softmax.Strip its = other.strips.getFirst();
            return mine.block().equals(its.block()) && mine.group() == its.group();
        }
    }

    /** Where a piece sums the gradients of keys or values: rows of {@code matrix} from {@code row} on, in their place for the first. */
    private record Sum(Matrix matrix, long row, int headWidth) {
        Tensor of(Softmax.Strip strip) {
            return matrix.rowsOf(headWidth, row, strip.end());
        }

        Rows rows() {
            Rows all = matrix.rows();
            return new Rows(matrix.memory(), all.half(), all.rows() * all.width() / headWidth, headWidth);
        }
    }

    private List<Piece> pieces(List<Softmax.Strip> strips, Sides gradients) {
        Map<Sight.Block, List<Softmax.Strip>> byBlock = strips.stream()
                .collect(Collectors.groupingBy(Softmax.Strip::block, LinkedHashMap::new, Collectors.toList()));
        List<Piece> pieces = new ArrayList<>();
        byBlock.forEach((block, ofBlock) -> {
            int count = Math.min(PIECES, ofBlock.size() / groups);
            for (int number = 0; number < count; number++) {
                for (int group = 0; group < groups; group++) {
                    pieces.add(piece(every(ofBlock, group, number, count), number == 0, gradients));
                }
            }
        });
        return pieces;
    }

    /** Returns every {@code step}th strip of a group from the {@code first} on. */
    private static List<Softmax.Strip> every(List<Softmax.Strip> strips, int group, int first, int step) {
        List<Softmax.Strip> ofGroup =
                strips.stream().filter(strip -> strip.group() == group).toList();
        return IntStream.iterate(first, i -> i < ofGroup.size(), i -> i + step)
                .mapToObj(ofGroup::get)
                .toList();
    }

    private Piece piece(List<Softmax.Strip> strips, boolean first, Sides gradients) {
        Softmax.Strip farthest = strips.getFirst();
        if (first) {
            long row = firstKey(farthest);
            return new Piece(
                    strips,
                    new Sum(gradients.keys(), row, headWidth),
                    new Sum(gradients.values(), row, headWidth),
                    true);
        }
        return new Piece(
                strips,
                new Sum(Matrix.take(scratch, type, farthest.end(), headWidth), 0, headWidth),
                new Sum(Matrix.take(scratch, type, farthest.end(), headWidth), 0, headWidth),
                false);
    }

    /** Adds what further pieces of a block and group have summed to what the first has, in order. */
    private void addUp(List<Piece> pieces) {
        List<Piece> firsts = pieces.stream().filter(Piece::first).toList();
        team.run(firsts.size(), (number, own) -> {
            Piece first = firsts.get(number);
            for (Piece piece : pieces) {
                if (!piece.first() && piece.belongsTo(first)) {
                    add(piece.keys(), first.keys(), own);
                    add(piece.values(), first.values(), own);
                }
            }
        });
    }

    private static void add(Sum part, Sum target, Scratch own) {
        Gradients.put(part.rows(), target.rows(), Math.toIntExact(target.row()), 0, true, own);
    }

    /** The strips of all blocks and groups, those with most keys first: what is taken up last should be short. */
    private List<Softmax.Strip> strips(Sight sight, float scale) {
        List<Softmax.Strip> strips = new ArrayList<>();
        for (Sight.Block block : sight.blocks()) {
            int count = Math.ceilDiv(block.room(), QUERIES_A_STRIP);
            int queries = Rows.round(Math.ceilDiv(block.room(), count));
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
                .mapToInt(strip -> Math.multiplyExact(Rows.round(strip.rows()), strip.end()))
                .max()
                .orElse(0);
        int rows = Rows.round(1);
        return Matrix.take(Math.min(team.threads(), strips.size()), scratch, type, rows, Math.ceilDiv(most, rows));
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
        return all.rowsOf(headWidth, row, strip.rows());
    }

    /** [keys up to the strip's end, headWidth]. */
    private Tensor keys(Matrix all, Softmax.Strip strip) {
        return all.rowsOf(headWidth, firstKey(strip), strip.end());
    }

    private long firstKey(Softmax.Strip strip) {
        Sight.Block block = strip.block();
        return (long) block.at() * groups + (long) strip.group() * block.room();
    }

    /**
     * Returns the most bytes that a pass takes for a pack of {@code tokens}, all of them one block.
     *
     * @param element bytes of a number in the compute type
     */
    static long bytes(DecoderSettings settings, long tokens, boolean backward, long element, int threads) {
        long room = Rows.round(Math.toIntExact(tokens));
        long members = settings.heads() / settings.keyValueHeads();
        long scores = element * threads * members * Math.min(room, QUERIES_A_STRIP) * room;
        long pieces = Math.min(PIECES, Math.ceilDiv(room, QUERIES_A_STRIP));
        long keys = element * settings.keyValueHeads() * settings.headWidth() * room;
        return backward ? 2 * scores + 2 * (pieces - 1) * keys : scores;
    }
}
