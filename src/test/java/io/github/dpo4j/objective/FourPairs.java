package io.github.dpo4j.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.List;
import java.util.function.IntToDoubleFunction;

/** Four pairs whose losses can be computed by hand, and every kind of loss. */
final class FourPairs {
    // Log-ratios 1, 0, -2000, 2000 for the chosen and -2, 0, 0, 0 for the rejected: margins 3, 0, -2000 and 2000.
    static final float[] POLICY_CHOSEN = {-4, -5, -2010, -10};
    static final float[] POLICY_REJECTED = {-9, -3, -20, -20};
    static final float[] REFERENCE_CHOSEN = {-5, -5, -10, -2010};
    static final float[] REFERENCE_REJECTED = {-7, -3, -20, -20};
    static final double[] CHOSEN = {1, 0, -2000, 2000};
    static final double[] REJECTED = {-2, 0, 0, 0};
    static final float[] CHOSEN_TOKENS = {2, 3, 10, 10};
    static final float[] REJECTED_TOKENS = {4, 5, 6, 7};

    private FourPairs() {}

    static LogRatios ratios() {
        return new LogRatios(
                Tensors.ofFloats(POLICY_CHOSEN, Device.CPU),
                Tensors.ofFloats(POLICY_REJECTED, Device.CPU),
                Tensors.ofFloats(REFERENCE_CHOSEN, Device.CPU),
                Tensors.ofFloats(REFERENCE_REJECTED, Device.CPU),
                Tensors.ofFloats(CHOSEN_TOKENS, Device.CPU),
                Tensors.ofFloats(REJECTED_TOKENS, Device.CPU));
    }

    /** Policy = reference. */
    static LogRatios untrained() {
        LogRatios ratios = ratios();
        return new LogRatios(
                ratios.policyChosen(),
                ratios.policyRejected(),
                ratios.policyChosen(),
                ratios.policyRejected(),
                ratios.chosenTokens(),
                ratios.rejectedTokens());
    }

    static void assertPerPair(PreferenceLoss loss, IntToDoubleFunction expected) {
        try (TensorScope _ = new TensorScope()) {
            double[] actual = Tensors.toDoubles(loss.perPair(ratios()));
            assertThat(actual).hasSize(4);
            for (int i = 0; i < 4; i++) {
                double value = expected.applyAsDouble(i);
                assertThat(actual[i]).as("pair " + i).isFinite().isCloseTo(value, within(1e-6 * Math.max(1, value)));
            }
        }
    }

    /** -ln sigmoid(z) without overflow: ln(1 + e^-|z|), plus -z where z is negative. */
    static double softplusOfMinus(double z) {
        return Math.log1p(Math.exp(-Math.abs(z))) + Math.max(0, -z);
    }

    static double sigmoid(double z) {
        return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
    }

    static double margin(int i) {
        return CHOSEN[i] - REJECTED[i];
    }

    static List<PreferenceLoss> losses() {
        return List.of(
                new PreferenceLoss.Sigmoid(0.3, 0.1),
                new PreferenceLoss.Hinge(0.3),
                new PreferenceLoss.Ipo(0.3, PreferenceLoss.Ipo.Reduction.MEAN),
                new PreferenceLoss.Ipo(0.3, PreferenceLoss.Ipo.Reduction.SUM),
                new PreferenceLoss.Sft(),
                new ScoreLoss.ExoPair(0.3, 0.01),
                new ScoreLoss.Robust(0.3, 0.1),
                new ScoreLoss.Discopop(0.3, 0.05),
                new ScoreLoss.SigmoidNorm(2),
                new SideLoss.NcaPair(0.3),
                new SideLoss.BcoPair(0.3),
                new SideLoss.SppoHard(0.3),
                new SideLoss.ApoZero(0.3),
                new SideLoss.ApoDown(0.3),
                new SortedLoss.Aot(0.3, 0.1, 3),
                new SortedLoss.AotUnpaired(0.3, 0, 2),
                new LikelihoodLoss.Simpo(2, 0.5),
                new LikelihoodLoss.OddsRatio(0.3));
    }
}
