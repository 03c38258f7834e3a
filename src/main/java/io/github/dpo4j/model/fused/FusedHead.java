package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Gradients;
import io.github.dpo4j.kernel.Logits;
import io.github.dpo4j.kernel.Rows;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.model.DecoderSettings;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Workspace;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * The output head over ranges of the vocabulary: [tokens, vocabulary] never exists. A range is one thread's from its logits to
 * its gradients. Backward computes each range's logits again, which costs one product more and no memory.
 *
 * @param weight [vocabulary, width] in the compute type; the token embedding where the two are tied
 * @param gradient float32, or null for a frozen head
 */
record FusedHead(
        Team team,
        Workspace scratch,
        ScalarType type,
        Tensor weight,
        @Nullable Tensor gradient) {
    /** Logits in memory at a time and thread: as much as stays in a core's cache between product and kernel. */
    private static final int LOGITS_AT_A_TIME = 1 << 19;

    private static final int LEAST_RANGE = 512;
    /** With few tokens: gradients of so many rows of the weight are made at a time, and threads need ranges to share out. */
    private static final int MOST_RANGE = 2048;
    /** Sums over ranges are made by so many threads' worth of work apart, and added in order. */
    private static final int GROUPS_A_THREAD = 2;

    private static final int MOST_GROUPS = 32;

    int vocabulary() {
        return Math.toIntExact(weight.size(0));
    }

    private Ranges ranges(int rows) {
        return new Ranges(vocabulary(), range(rows, vocabulary()));
    }

    private static int range(int rows, int vocabulary) {
        int fits = LOGITS_AT_A_TIME / Math.max(1, Rows.round(rows)) / 64 * 64;
        return Math.min(vocabulary, Math.clamp(fits, LEAST_RANGE, MOST_RANGE));
    }

    private record Ranges(int vocabulary, int size) {
        int count() {
            return Math.ceilDiv(vocabulary, size);
        }

        int from(int number) {
            return number * size;
        }

        int length(int number) {
            return Math.min(size, vocabulary - from(number));
        }
    }

    /** Takes in the logits of all of the vocabulary for hidden states [S, width]. */
    Logits forward(Matrix hidden, int[] targets) {
        Workspace.Mark mark = scratch.mark();
        Ranges ranges = ranges(targets.length);
        Logits logits = new Logits(targets, ranges.count());
        List<Matrix> buffers =
                Matrix.take(Math.min(team.threads(), ranges.count()), scratch, type, targets.length, ranges.size());
        team.run(ranges.count(), (number, own) -> {
            try (TensorScope _ = new TensorScope()) {
                Matrix part = logits(hidden, ranges, number, buffers.get(own.thread()));
                logits.see(number, part.rows(), ranges.from(number), own);
            }
        });
        logits.finish();
        scratch.release(mark);
        return logits;
    }

    /** Fills {@code hiddenGradient}, float32 [S, width], and adds to the weight's gradient; {@code gradients} are those of the S logps. */
    void backward(Matrix hidden, Logits seen, float[] gradients, Matrix hiddenGradient, boolean overwrite) {
        Workspace.Mark mark = scratch.mark();
        int rows = gradients.length;
        int width = hidden.width();
        Ranges ranges = ranges(rows);
        int groups = groups(ranges, team.threads());
        int threads = Math.min(team.threads(), groups);
        List<Matrix> buffers = Matrix.take(threads, scratch, type, rows, ranges.size());
        List<Matrix> parts = Matrix.take(threads, scratch, type, Math.max(rows, ranges.size()), width);
        List<Matrix> sums = Matrix.take(groups, scratch, ScalarType.Float, rows, width);
        // Sums over S are sums over round numbers of rows: those beyond S are zero, and so are their logits.
        hidden.clearRounding();
        team.run(groups, (group, own) -> {
            Matrix sum = sums.get(group);
            sum.clear();
            Matrix buffer = buffers.get(own.thread());
            Matrix part = parts.get(own.thread());
            for (int number = ranges.count() * group / groups;
                    number < ranges.count() * (group + 1) / groups;
                    number++) {
                try (TensorScope _ = new TensorScope()) {
                    Matrix logits = logits(hidden, ranges, number, buffer);
                    seen.gradient(logits.rows(), ranges.from(number), gradients, own);
                    Matrix product = part.reshaped(rows, width);
                    Gemm.multiply(
                            product.rounded(),
                            logits.rounded(),
                            Gemm.as(weight.narrow(0, ranges.from(number), ranges.length(number)), type),
                            false);
                    Gradients.put(product.rows(), sum.rows(), 0, 0, true, own);
                    if (gradient != null) {
                        WeightGradients.Tile tile =
                                new WeightGradients.Tile(ranges.from(number), logits.width(), 0, width);
                        WeightGradients.multiply(
                                gradient, tile, logits.rounded().t(), hidden.rounded(), !overwrite, part, own);
                    }
                }
            }
        });
        team.runParts(rows, 1, part -> {
            for (int group = 0; group < groups; group++) {
                Rows from = sums.get(group).rows().slice(part.from(), part.to());
                Gradients.put(from, hiddenGradient.rows(), part.from(), 0, group > 0, part.scratch());
            }
        });
        scratch.release(mark);
    }

    private static int groups(Ranges ranges, int threads) {
        return Math.min(ranges.count(), threads == 1 ? 1 : Math.min(MOST_GROUPS, GROUPS_A_THREAD * threads));
    }

    private Matrix logits(Matrix hidden, Ranges ranges, int number, Matrix buffer) {
        Matrix logits = buffer.reshaped(hidden.rows().rows(), ranges.length(number));
        Gemm.multiply(
                logits.rounded(),
                hidden.rounded(),
                Gemm.as(weight.narrow(0, ranges.from(number), ranges.length(number)), type)
                        .t(),
                false);
        return logits;
    }

    /** Returns the most bytes that a pass takes for {@code scored} tokens. */
    static long bytes(DecoderSettings settings, long scored, boolean backward, long element, int threads) {
        int rows = Rows.round(Math.toIntExact(scored));
        long width = settings.width();
        Ranges ranges = new Ranges(settings.vocabularySize(), range(rows, settings.vocabularySize()));
        long logits = threads * element * Math.max(LOGITS_AT_A_TIME, rows * (long) ranges.size());
        if (!backward) {
            return logits;
        }
        long parts = threads * element * Math.max(rows, Math.min(MOST_RANGE, settings.vocabularySize())) * width;
        return logits + parts + Float.BYTES * width * rows * groups(ranges, threads);
    }
}
