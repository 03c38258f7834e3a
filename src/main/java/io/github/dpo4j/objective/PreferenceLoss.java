package io.github.dpo4j.objective;

import io.github.dpo4j.UserError;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** A loss on pairs. It gives a numerator for each pair; the caller sums over the step and divides by the step's own count. */
public sealed interface PreferenceLoss {
    /** Returns each pair's share of the sum, float32 [B]. */
    Tensor perPair(LogRatios ratios);

    /** What the sum over a step is divided by. */
    Denominator denominator();

    /** True if the loss reads the reference's logps. */
    boolean needsReference();

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
     * DPO (Rafailov et al. 2023, Eq. 7): -log sigmoid(beta D), D the margin. With label smoothing e, conservative DPO
     * (Mitchell 2023): -(1 - e) log sigmoid(beta D) - e log sigmoid(-beta D). beta > 0; labelSmoothing in [0, 0.5).
     */
    record Sigmoid(double beta, double labelSmoothing) implements PreferenceLoss {
        public Sigmoid {
            requirePositive("beta", beta);
            if (!(labelSmoothing >= 0 && labelSmoothing < 0.5)) {
                throw new UserError("label_smoothing is " + labelSmoothing + "; it must be at least 0 and below 0.5");
            }
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            Tensor logit = ratios.margin().mul(new Scalar(beta));
            Tensor loss = torch.log_sigmoid(logit).neg();
            if (labelSmoothing == 0) {
                return loss;
            }
            return loss.mul(new Scalar(1 - labelSmoothing))
                    .sub(torch.log_sigmoid(logit.neg()).mul(new Scalar(labelSmoothing)));
        }

        @Override
        public String source() {
            return labelSmoothing == 0 ? "Rafailov et al. 2023, Eq. 7" : "conservative DPO, Mitchell 2023";
        }

        @Override
        public Denominator denominator() {
            return Denominator.PAIRS;
        }

        @Override
        public boolean needsReference() {
            return true;
        }

        @Override
        public double atZero() {
            return Math.log(2);
        }
    }

    /** Hinge (SLiC-HF, Zhao et al. 2023, arXiv 2305.10425, on log-ratios as in Liu et al. 2023): max(0, 1 - beta D). beta > 0. */
    record Hinge(double beta) implements PreferenceLoss {
        public Hinge {
            requirePositive("beta", beta);
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            return torch.relu(ratios.margin().mul(new Scalar(-beta)).add(new Scalar(1.0)));
        }

        @Override
        public String source() {
            return "Zhao et al. 2023";
        }

        @Override
        public Denominator denominator() {
            return Denominator.PAIRS;
        }

        @Override
        public boolean needsReference() {
            return true;
        }

        @Override
        public double atZero() {
            return 1;
        }
    }

    /**
     * IPO (Azar et al. 2023, arXiv 2310.12036, Eq. 17): (d - 1 / (2 beta))^2, d the margin of log-ratios, which are means over
     * tokens as TRL takes them, or sums as the DPO authors' code does. beta > 0.
     */
    record Ipo(double beta, Reduction reduction) implements PreferenceLoss {
        /** How a completion's token log-ratios become one number. */
        public enum Reduction {
            MEAN,
            SUM
        }

        public Ipo {
            requirePositive("beta", beta);
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            Tensor d = switch (reduction) {
                case MEAN ->
                    ratios.chosen()
                            .div(ratios.chosenTokens())
                            .sub(ratios.rejected().div(ratios.rejectedTokens()));
                case SUM -> ratios.margin();
            };
            return d.sub(new Scalar(1 / (2 * beta))).square();
        }

        @Override
        public String source() {
            return "Azar et al. 2023, Eq. 17";
        }

        @Override
        public Denominator denominator() {
            return Denominator.PAIRS;
        }

        @Override
        public boolean needsReference() {
            return true;
        }

        @Override
        public double atZero() {
            return 1 / (4 * beta * beta);
        }
    }

    /** Supervised fine-tuning on the chosen completions as a part of a mix: -log pi(y_w) over the step's chosen tokens. */
    record Sft() implements PreferenceLoss {
        @Override
        public Tensor perPair(LogRatios ratios) {
            return ratios.policyChosen().neg();
        }

        @Override
        public String source() {
            return "maximum likelihood";
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
    }

    private static void requirePositive(String name, double value) {
        if (!(value > 0) || Double.isInfinite(value)) {
            throw new UserError(name + " is " + value + "; it must be a number above 0");
        }
    }
}
