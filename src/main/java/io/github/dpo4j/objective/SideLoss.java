package io.github.dpo4j.objective;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Losses in which the two log-ratios stand by themselves, not only their difference; no f-divergence goes with them. */
public sealed interface SideLoss extends PreferenceLoss {
    private static Tensor scaled(Tensor logRatios, double beta) {
        return logRatios.mul(new Scalar(beta));
    }

    /**
     * NCA for pairs (Chen et al. 2024, arXiv 2402.05369):
     * -log sigmoid(beta r_c) - log sigmoid(-beta r_c) / 2 - log sigmoid(-beta r_j) / 2. beta > 0.
     */
    record NcaPair(double beta) implements SideLoss {
        public NcaPair {
            Ranges.requirePositive("beta", beta);
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            Tensor chosen = scaled(ratios.chosen(), beta);
            Tensor rejected = scaled(ratios.rejected(), beta);
            Tensor noise = torch.log_sigmoid(chosen.neg()).add(torch.log_sigmoid(rejected.neg()));
            return torch.log_sigmoid(chosen).add(noise.mul(new Scalar(0.5))).neg();
        }

        @Override
        public double atZero() {
            return 2 * Math.log(2);
        }

        @Override
        public String source() {
            return "Chen et al. 2024";
        }
    }

    /** BCO on pairs (Jung et al. 2024, arXiv 2404.04656), with a reward shift of 0: -log sigmoid(beta r_c) - log sigmoid(-beta r_j). beta > 0. */
    record BcoPair(double beta) implements SideLoss {
        public BcoPair {
            Ranges.requirePositive("beta", beta);
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            Tensor rejected = scaled(ratios.rejected(), beta).neg();
            return torch.log_sigmoid(scaled(ratios.chosen(), beta))
                    .add(torch.log_sigmoid(rejected))
                    .neg();
        }

        @Override
        public double atZero() {
            return 2 * Math.log(2);
        }

        @Override
        public String source() {
            return "Jung et al. 2024";
        }
    }

    /**
     * SPPO with hard labels (Wu et al. 2024, arXiv 2405.00675, Eq. 4.7 with a winner's probability of 1):
     * (r_c - 1 / (2 beta))^2 + (r_j + 1 / (2 beta))^2. beta > 0.
     */
    record SppoHard(double beta) implements SideLoss {
        public SppoHard {
            Ranges.requirePositive("beta", beta);
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            Scalar target = new Scalar(0.5 / beta);
            return ratios.chosen()
                    .sub(target)
                    .square()
                    .add(ratios.rejected().add(target).square());
        }

        @Override
        public double atZero() {
            return 0.5 / (beta * beta);
        }

        @Override
        public String source() {
            return "Wu et al. 2024, Eq. 4.7";
        }
    }

    /**
     * APO-zero (D'Oosterlinck et al. 2024, arXiv 2408.06266, Eq. 7), for chosen completions better than the model's:
     * 1 - sigmoid(beta r_c) + sigmoid(beta r_j). beta > 0.
     */
    record ApoZero(double beta) implements SideLoss {
        public ApoZero {
            Ranges.requirePositive("beta", beta);
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            Tensor chosen = scaled(ratios.chosen(), beta).neg();
            return torch.sigmoid(chosen).add(torch.sigmoid(scaled(ratios.rejected(), beta)));
        }

        @Override
        public double atZero() {
            return 1;
        }

        @Override
        public String source() {
            return "D'Oosterlinck et al. 2024, Eq. 7";
        }
    }

    /**
     * APO-down (D'Oosterlinck et al. 2024, arXiv 2408.06266, Eq. 8), for chosen completions worse than the model's:
     * sigmoid(beta r_c) + 1 - sigmoid(beta (r_c - r_j)). beta > 0.
     */
    record ApoDown(double beta) implements SideLoss {
        public ApoDown {
            Ranges.requirePositive("beta", beta);
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            Tensor chosen = ratios.chosen();
            Tensor behind = scaled(ratios.rejected().sub(chosen), beta);
            return torch.sigmoid(scaled(chosen, beta)).add(torch.sigmoid(behind));
        }

        @Override
        public double atZero() {
            return 1;
        }

        @Override
        public String source() {
            return "D'Oosterlinck et al. 2024, Eq. 8";
        }
    }
}
