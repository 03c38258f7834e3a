package io.github.dpo4j.objective;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A loss on pairs. It gives a numerator for each pair; the caller sums over the step and divides by the step's own count.
 * r is a completion's log-ratio, s its score (r unless another f-divergence is asked for), D the chosen score minus the
 * rejected one, |y| a completion's tokens, e label smoothing.
 */
public sealed interface PreferenceLoss
        permits PreferenceLoss.Sigmoid,
                PreferenceLoss.Hinge,
                PreferenceLoss.Ipo,
                PreferenceLoss.Sft,
                ScoreLoss,
                SideLoss,
                SortedLoss,
                LikelihoodLoss {
    /** Returns each pair's share of the sum, float32 [B]. */
    Tensor perPair(LogRatios ratios);

    /** What the sum over a step is divided by. */
    default Denominator denominator() {
        return Denominator.PAIRS;
    }

    /** True if the loss reads log-ratios, and with them the reference's logps. */
    default boolean needsReference() {
        return true;
    }

    /** True if the loss reads differences of scores alone, so that any f-divergence may make them. */
    default boolean takesDivergence() {
        return false;
    }

    /** True if a pair's loss depends on other pairs of the step; {@link #perPair} must then see the whole step in order. */
    default boolean couplesPairs() {
        return false;
    }

    /** Returns the loss of a pair where policy = reference; only for losses that need a reference. */
    double atZero();

    /** Returns the paper and equation, for the record. */
    String source();

    /** What counts one step is averaged over. */
    enum Denominator {
        PAIRS,
        CHOSEN_TOKENS
    }

    /**
     * DPO (Rafailov et al. 2023, Eq. 7): -log sigmoid(beta D). With label smoothing e, conservative DPO (Mitchell 2023):
     * -(1 - e) log sigmoid(beta D) - e log sigmoid(-beta D). beta > 0; labelSmoothing in [0, 0.5).
     */
    record Sigmoid(double beta, double labelSmoothing) implements PreferenceLoss {
        public Sigmoid {
            Ranges.requirePositive("beta", beta);
            Ranges.requireSmoothing(labelSmoothing);
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            return smoothed(ratios.margin().mul(new Scalar(beta)), labelSmoothing);
        }

        /** Returns the smoothed logistic loss of logits. */
        static Tensor smoothed(Tensor logits, double labelSmoothing) {
            Tensor loss = torch.log_sigmoid(logits).neg();
            if (labelSmoothing == 0) {
                return loss;
            }
            return loss.mul(new Scalar(1 - labelSmoothing))
                    .sub(torch.log_sigmoid(logits.neg()).mul(new Scalar(labelSmoothing)));
        }

        @Override
        public boolean takesDivergence() {
            return true;
        }

        @Override
        public double atZero() {
            return Math.log(2);
        }

        @Override
        public String source() {
            return labelSmoothing == 0 ? "Rafailov et al. 2023, Eq. 7" : "conservative DPO, Mitchell 2023";
        }
    }

    /** Hinge (SLiC-HF, Zhao et al. 2023, arXiv 2305.10425, on log-ratios as in Liu et al. 2023): max(0, 1 - beta D). beta > 0. */
    record Hinge(double beta) implements PreferenceLoss {
        public Hinge {
            Ranges.requirePositive("beta", beta);
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            return torch.relu(ratios.margin().mul(new Scalar(-beta)).add(new Scalar(1.0)));
        }

        @Override
        public boolean takesDivergence() {
            return true;
        }

        @Override
        public double atZero() {
            return 1;
        }

        @Override
        public String source() {
            return "Zhao et al. 2023";
        }
    }

    /**
     * IPO (Azar et al. 2023, arXiv 2310.12036, Eq. 17): (d - 1 / (2 beta))^2, d the difference of scores, each divided by its
     * completion's tokens as TRL does, or not as in the DPO authors' code. beta > 0.
     */
    record Ipo(double beta, Reduction reduction) implements PreferenceLoss {
        /** How a completion's token log-ratios become one number. */
        public enum Reduction {
            MEAN,
            SUM
        }

        public Ipo {
            Ranges.requirePositive("beta", beta);
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            Tensor d = switch (reduction) {
                case MEAN -> ratios.meanMargin();
                case SUM -> ratios.margin();
            };
            return d.sub(new Scalar(1 / (2 * beta))).square();
        }

        @Override
        public boolean takesDivergence() {
            return true;
        }

        @Override
        public double atZero() {
            return 1 / (4 * beta * beta);
        }

        @Override
        public String source() {
            return "Azar et al. 2023, Eq. 17";
        }
    }

    /** Supervised fine-tuning on the chosen completions as a part of a mix: -log pi(y_w) over the step's chosen tokens. */
    record Sft() implements PreferenceLoss {
        @Override
        public Tensor perPair(LogRatios ratios) {
            return ratios.wholeChosen().neg();
        }

        @Override
        public Denominator denominator() {
            return Denominator.CHOSEN_TOKENS;
        }

        @Override
        public boolean needsReference() {
            return false;
        }

        @Override
        public double atZero() {
            throw new IllegalStateException("the SFT loss has no value that follows from the log-ratios");
        }

        @Override
        public String source() {
            return "maximum likelihood";
        }
    }
}
