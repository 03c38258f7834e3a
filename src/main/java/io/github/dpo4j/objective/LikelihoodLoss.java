package io.github.dpo4j.objective;

import io.github.dpo4j.UserError;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Losses of the policy's own likelihoods, without a reference; mean logps are over a completion's tokens. */
public sealed interface LikelihoodLoss extends PreferenceLoss {
    @Override
    default boolean needsReference() {
        return false;
    }

    @Override
    default double atZero() {
        throw new IllegalStateException("the loss has no value that follows from log-ratios");
    }

    /**
     * SimPO (Meng et al. 2024, arXiv 2405.14734): -log sigmoid(beta (mean logps of the chosen - of the rejected) - gamma).
     * beta > 0; gamma at least 0, the margin that rewards are to differ by.
     */
    record Simpo(double beta, double gamma) implements LikelihoodLoss {
        public Simpo {
            Ranges.requirePositive("beta", beta);
            if (!(gamma >= 0) || Double.isInfinite(gamma)) {
                throw new UserError("simpo_gamma is " + gamma + "; it must be 0 or a positive number");
            }
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            Tensor difference = ratios.chosenMeanLogps().sub(ratios.rejectedMeanLogps());
            return torch.log_sigmoid(difference.mul(new Scalar(beta)).sub(new Scalar(gamma)))
                    .neg();
        }

        @Override
        public String source() {
            return "Meng et al. 2024";
        }
    }

    /**
     * The part of ORPO beside SFT (Hong et al. 2024, arXiv 2403.07691): -lambda log sigmoid(log odds of the chosen - of the
     * rejected), odds p / (1 - p) with ln p the mean logps. lambda > 0.
     */
    record OddsRatio(double lambda) implements LikelihoodLoss {
        /** Rounding may give a sure completion a mean above 0; its odds are taken as those of 1 - 1e-6. */
        private static final double MOST = -1e-6;

        public OddsRatio {
            Ranges.requirePositive("orpo_lambda", lambda);
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            Tensor difference = logOdds(ratios.chosenMeanLogps()).sub(logOdds(ratios.rejectedMeanLogps()));
            return torch.log_sigmoid(difference).mul(new Scalar(-lambda));
        }

        private static Tensor logOdds(Tensor meanLogps) {
            Tensor logp = meanLogps.clamp_max(new Scalar(MOST));
            return logp.sub(logp.expm1().neg().log());
        }

        @Override
        public String source() {
            return "ORPO, Hong et al. 2024";
        }
    }
}
