package io.github.dpo4j.objective;

import io.github.dpo4j.UserError;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** More losses of D, the difference of scores. */
public sealed interface ScoreLoss extends PreferenceLoss {
    @Override
    default boolean takesDivergence() {
        return true;
    }

    /**
     * EXO for pairs (Ji et al. 2024, arXiv 2402.00856, Eq. 16): the reverse KL divergence from the smoothed labels,
     * q (ln q - ln(1 - e)) + q' (ln q' - ln e) with q = sigmoid(beta D), q' = sigmoid(-beta D). beta > 0; labelSmoothing in
     * (0, 0.5), the paper's is 0.001.
     */
    record ExoPair(double beta, double labelSmoothing) implements ScoreLoss {
        public ExoPair {
            Ranges.requirePositive("beta", beta);
            if (!(labelSmoothing > 0 && labelSmoothing < 0.5)) {
                throw new UserError("label_smoothing is " + labelSmoothing
                        + "; for exo_pair it must be above 0 and below 0.5, the paper's is 0.001");
            }
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            Tensor logit = ratios.margin().mul(new Scalar(beta));
            Tensor flipped = logit.neg();
            Tensor right = torch.log_sigmoid(logit).sub(new Scalar(Math.log1p(-labelSmoothing)));
            Tensor wrong = torch.log_sigmoid(flipped).sub(new Scalar(Math.log(labelSmoothing)));
            return torch.sigmoid(logit).mul(right).add(torch.sigmoid(flipped).mul(wrong));
        }

        @Override
        public double atZero() {
            return Math.log(0.5) - 0.5 * Math.log1p(-labelSmoothing) - 0.5 * Math.log(labelSmoothing);
        }

        @Override
        public String source() {
            return "Ji et al. 2024, Eq. 16";
        }
    }

    /**
     * Robust DPO (Chowdhury et al. 2024, arXiv 2403.00409), unbiased where a share e of the labels is flipped:
     * (-(1 - e) log sigmoid(beta D) + e log sigmoid(-beta D)) / (1 - 2e). beta > 0; labelSmoothing in [0, 0.5).
     */
    record Robust(double beta, double labelSmoothing) implements ScoreLoss {
        public Robust {
            Ranges.requirePositive("beta", beta);
            Ranges.requireSmoothing(labelSmoothing);
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            Tensor logit = ratios.margin().mul(new Scalar(beta));
            Tensor flipped = torch.log_sigmoid(logit.neg()).mul(new Scalar(labelSmoothing));
            return flipped.sub(torch.log_sigmoid(logit).mul(new Scalar(1 - labelSmoothing)))
                    .div(new Scalar(1 - 2 * labelSmoothing));
        }

        @Override
        public double atZero() {
            return Math.log(2);
        }

        @Override
        public String source() {
            return "Chowdhury et al. 2024";
        }
    }

    /**
     * DiscoPOP (Lu et al. 2024, arXiv 2406.08414, Eq. 5): -log sigmoid(z) (1 - m) + exp(-z) m with z = beta D and
     * m = sigmoid(z / tau). beta > 0; tau > 0, the paper's is 0.05.
     */
    record Discopop(double beta, double tau) implements ScoreLoss {
        public Discopop {
            Ranges.requirePositive("beta", beta);
            Ranges.requirePositive("discopop_tau", tau);
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            Tensor z = ratios.margin().mul(new Scalar(beta));
            Tensor modulation = z.div(new Scalar(tau));
            Tensor logistic = torch.log_sigmoid(z).neg().mul(torch.sigmoid(modulation.neg()));
            // One exponent: exp(-z) alone is infinite where its modulation is 0.
            return logistic.add(torch.log_sigmoid(modulation).sub(z).exp());
        }

        @Override
        public double atZero() {
            return 0.5 * Math.log(2) + 0.5;
        }

        @Override
        public String source() {
            return "Lu et al. 2024, Eq. 5";
        }
    }

    /** Length-normalized DPO (as in Tulu 3, Lambert et al. 2024, arXiv 2411.15124): -log sigmoid(beta (s_c / |y_c| - s_j / |y_j|)). beta > 0. */
    record SigmoidNorm(double beta) implements ScoreLoss {
        public SigmoidNorm {
            Ranges.requirePositive("beta", beta);
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            return torch.log_sigmoid(ratios.meanMargin().mul(new Scalar(beta))).neg();
        }

        @Override
        public double atZero() {
            return Math.log(2);
        }

        @Override
        public String source() {
            return "length-normalized, Lambert et al. 2024";
        }
    }
}
