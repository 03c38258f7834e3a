package io.github.dpo4j.objective;

import io.github.dpo4j.UserError;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The divergence that holds the policy to the reference (f-DPO, Wang et al. 2023, arXiv 2309.16240): a completion's score is
 * f'(pi / pi_ref). What is left out of f' besides cancels only in the difference of two completions of one prompt.
 */
public sealed interface FDivergence {
    /** As in TRL for alpha divergences: beyond it a score's gradient would overflow, and times a loss's gradient of 0 be NaN. */
    double MOST_EXPONENT = 80;

    /** Returns the scores of log-ratios r, in their shape. */
    Tensor score(Tensor logRatios);

    /** DPO's: s = r. */
    record ReverseKl() implements FDivergence {
        @Override
        public Tensor score(Tensor logRatios) {
            return logRatios;
        }
    }

    /** s = 1 - exp(-r), the exponent at most 80. */
    record ForwardKl() implements FDivergence {
        @Override
        public Tensor score(Tensor logRatios) {
            return logRatios.neg().clamp_max(new Scalar(MOST_EXPONENT)).expm1().neg();
        }
    }

    /** Jensen and Shannon's: s = ln 2 + log sigmoid(r). */
    record JensenShannon() implements FDivergence {
        @Override
        public Tensor score(Tensor logRatios) {
            return torch.log_sigmoid(logRatios).add(new Scalar(Math.log(2)));
        }
    }

    /** s = (exp((a - 1) r) - 1) / (a - 1), the exponent at most 80; a = 1 is the reverse KL divergence, a = 0 the forward one. */
    record Alpha(double alpha) implements FDivergence {
        /** Nearer to 1 than this is 1, as in TRL. */
        private static final double LEAST = 1e-6;

        public Alpha {
            if (!Double.isFinite(alpha)) {
                throw new UserError("f_alpha is " + alpha + "; it must be a finite number");
            }
        }

        @Override
        public Tensor score(Tensor logRatios) {
            double less = alpha - 1;
            if (Math.abs(less) < LEAST) {
                return logRatios;
            }
            return logRatios
                    .mul(new Scalar(less))
                    .clamp_max(new Scalar(MOST_EXPONENT))
                    .expm1()
                    .div(new Scalar(less));
        }
    }
}
