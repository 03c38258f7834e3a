package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Gradients;
import io.github.dpo4j.kernel.Logits;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Workspace;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * The output head over ranges of the vocabulary: [tokens, vocabulary] never exists. Backward computes each range's logits
 * again, which costs one product more and no memory.
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
    /** Logits in memory at a time: a few megabytes, which stay in the cache between product and kernel. */
    static final int LOGITS_AT_A_TIME = 1 << 21;

    private static final int LEAST_RANGE = 512;

    int vocabulary() {
        return Math.toIntExact(weight.size(0));
    }

    private int range(int rows) {
        return Math.min(vocabulary(), Math.max(LEAST_RANGE, LOGITS_AT_A_TIME / Math.max(1, rows) / 64 * 64));
    }

    /** Takes in the logits of all of the vocabulary for hidden states [S, width]. */
    Logits forward(Matrix hidden, int[] targets) {
        Logits logits = new Logits(targets);
        int range = range(targets.length);
        for (int from = 0; from < vocabulary(); from += range) {
            try (TensorScope _ = new TensorScope()) {
                Workspace.Mark mark = scratch.mark();
                logits.see(team, logits(hidden, from, range).rows(), from);
                scratch.release(mark);
            }
        }
        return logits;
    }

    /** Fills {@code hiddenGradient}, float32 [S, width], and adds to the weight's gradient; {@code gradients} are those of the S logps. */
    void backward(Matrix hidden, Logits seen, float[] gradients, Matrix hiddenGradient, boolean overwrite) {
        hiddenGradient.clear();
        int range = range(gradients.length);
        for (int from = 0; from < vocabulary(); from += range) {
            try (TensorScope _ = new TensorScope()) {
                Workspace.Mark mark = scratch.mark();
                Matrix logits = logits(hidden, from, range);
                seen.gradient(team, logits.rows(), from, gradients);
                Tensor weights = weight.narrow(0, from, logits.width());
                Matrix part = Matrix.take(scratch, type, gradients.length, hidden.width());
                torch.mm_out(part.rounded(), logits.rounded(), weights);
                Gradients.accumulate(team, part.rows(), hiddenGradient.rows().memory());
                if (gradient != null) {
                    Product.addProduct(
                            team,
                            logits.tensor().t(),
                            hidden.tensor(),
                            gradient.narrow(0, from, logits.width()),
                            scratch,
                            overwrite);
                }
                scratch.release(mark);
            }
        }
    }

    private Matrix logits(Matrix hidden, int from, int range) {
        int n = Math.min(range, vocabulary() - from);
        Matrix logits = Matrix.take(scratch, type, hidden.rows().rows(), n);
        torch.mm_out(
                logits.rounded(), hidden.rounded(), weight.narrow(0, from, n).t());
        return logits;
    }
}
