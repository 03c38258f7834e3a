package io.github.dpo4j.model.lora;

import io.github.dpo4j.UserError;
import java.util.List;

/**
 * A low-rank adapter to be trained (Hu et al. 2021, arXiv 2106.09685): W x becomes W x + s B A x, W frozen.
 *
 * @param rank rows of A and columns of B
 * @param alpha s is alpha / rank
 * @param dropout share of x that A does not see in training
 * @param rankStabilized s is alpha / sqrt(rank) instead (Kalajdzievski 2023, arXiv 2312.03732)
 * @param dora the sum's rows get a trained length of their own (Liu et al. 2024, arXiv 2402.09353)
 * @param modulesToSave modules that are trained whole and kept with the adapter, such as lm_head
 */
public record LoraSettings(
        int rank,
        double alpha,
        double dropout,
        LoraTargets targets,
        boolean rankStabilized,
        boolean dora,
        List<String> modulesToSave) {
    static final int MOST = 1 << 14;

    public LoraSettings {
        modulesToSave = List.copyOf(modulesToSave);
        if (rank < 1 || rank > MOST) {
            throw new UserError("lora_r is " + rank + "; it must be from 1 to " + MOST);
        }
        if (!(alpha > 0) || Double.isInfinite(alpha)) {
            throw new UserError("lora_alpha is " + alpha + "; it must be a number above 0");
        }
        if (!(dropout >= 0 && dropout < 1)) {
            throw new UserError("lora_dropout is " + dropout + "; it must be at least 0 and below 1");
        }
    }

    /** Throws where an adapter of these settings can be read but not trained. */
    public void requireTrainable() {
        if (dora && dropout > 0) {
            throw new UserError("lora_dropout is " + dropout
                    + " and use_dora is set; training with both is not supported, leave one of them away");
        }
    }

    /** Returns s for an adapter of this rank and alpha. */
    static double scale(double alpha, int rank, boolean rankStabilized) {
        return alpha / (rankStabilized ? Math.sqrt(rank) : rank);
    }
}
