package io.github.dpo4j.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.UserError;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PreferenceLossTest {
    // Log-ratios 1, 0, -2000, 2000 for the chosen and -2, 0, 0, 0 for the rejected: margins 3, 0, -2000 and 2000.
    private static final float[] POLICY_CHOSEN = {-4, -5, -2010, -10};
    private static final float[] POLICY_REJECTED = {-9, -3, -20, -20};
    private static final float[] REFERENCE_CHOSEN = {-5, -5, -10, -2010};
    private static final float[] REFERENCE_REJECTED = {-7, -3, -20, -20};
    private static final double[] CHOSEN = {1, 0, -2000, 2000};
    private static final double[] REJECTED = {-2, 0, 0, 0};
    private static final float[] CHOSEN_TOKENS = {2, 3, 10, 10};
    private static final float[] REJECTED_TOKENS = {4, 5, 6, 7};

    private static LogRatios ratios() {
        return new LogRatios(
                Tensors.ofFloats(POLICY_CHOSEN, Device.CPU),
                Tensors.ofFloats(POLICY_REJECTED, Device.CPU),
                Tensors.ofFloats(REFERENCE_CHOSEN, Device.CPU),
                Tensors.ofFloats(REFERENCE_REJECTED, Device.CPU),
                Tensors.ofFloats(CHOSEN_TOKENS, Device.CPU),
                Tensors.ofFloats(REJECTED_TOKENS, Device.CPU));
    }

    private static void assertPerPair(PreferenceLoss loss, IntToDoubleFunction expected) {
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
    private static double softplusOfMinus(double z) {
        return Math.log1p(Math.exp(-Math.abs(z))) + Math.max(0, -z);
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.1, 0.5})
    void dpoIsMinusLogSigmoidOfBetaTimesTheMarginEvenAtLogitsOf200(double beta) {
        assertPerPair(new PreferenceLoss.Sigmoid(beta, 0), i -> softplusOfMinus(beta * (CHOSEN[i] - REJECTED[i])));
    }

    @Test
    void labelSmoothingMixesInTheLossOfTheFlippedPair() {
        assertPerPair(
                new PreferenceLoss.Sigmoid(0.1, 0.2),
                i -> 0.8 * softplusOfMinus(0.1 * (CHOSEN[i] - REJECTED[i]))
                        + 0.2 * softplusOfMinus(-0.1 * (CHOSEN[i] - REJECTED[i])));
    }

    @Test
    void hingeIsLinearBelowAMarginOfOneOverBeta() {
        assertPerPair(new PreferenceLoss.Hinge(0.1), i -> Math.max(0, 1 - 0.1 * (CHOSEN[i] - REJECTED[i])));
    }

    @Test
    void ipoSquaresTheDistanceOfTheMeanMarginFromOneOverTwoBeta() {
        assertPerPair(
                new PreferenceLoss.Ipo(0.1, PreferenceLoss.Ipo.Reduction.MEAN),
                i -> Math.pow(CHOSEN[i] / CHOSEN_TOKENS[i] - REJECTED[i] / REJECTED_TOKENS[i] - 5, 2));
    }

    @Test
    void ipoOfSumsIsThatOfTheAuthorsCode() {
        assertPerPair(
                new PreferenceLoss.Ipo(0.1, PreferenceLoss.Ipo.Reduction.SUM),
                i -> Math.pow(CHOSEN[i] - REJECTED[i] - 5, 2));
    }

    @Test
    void sftIsMinusTheChosenLogps() {
        assertPerPair(new PreferenceLoss.Sft(), i -> -POLICY_CHOSEN[i]);
    }

    @Test
    void anUntrainedPolicyHasTheLossThatAtZeroNames() {
        List<PreferenceLoss> losses = List.of(
                new PreferenceLoss.Sigmoid(0.1, 0),
                new PreferenceLoss.Sigmoid(0.3, 0.2),
                new PreferenceLoss.Hinge(0.1),
                new PreferenceLoss.Ipo(0.1, PreferenceLoss.Ipo.Reduction.MEAN),
                new PreferenceLoss.Ipo(0.5, PreferenceLoss.Ipo.Reduction.SUM));
        try (TensorScope _ = new TensorScope()) {
            for (PreferenceLoss loss : losses) {
                // Pair 1 has policy = reference.
                assertThat(Tensors.toDoubles(loss.perPair(ratios()))[1])
                        .as(loss.toString())
                        .isCloseTo(loss.atZero(), within(1e-6 * Math.max(1, loss.atZero())));
            }
        }
        assertThat(new PreferenceLoss.Sigmoid(0.1, 0).atZero()).isEqualTo(Math.log(2));
        assertThat(new PreferenceLoss.Hinge(0.1).atZero()).isEqualTo(1);
        // (0 - 1 / (2 x 0.1))^2 = 25
        assertThat(new PreferenceLoss.Ipo(0.1, PreferenceLoss.Ipo.Reduction.MEAN).atZero())
                .isCloseTo(25, within(1e-12));
    }

    /** Section 4 of the paper: minus beta sigmoid(r'_j - r'_c) for the chosen logps, plus the same for the rejected. */
    @Test
    void theGradientOfDpoIsThePapers() {
        try (TensorScope _ = new TensorScope()) {
            Tensor chosen = Tensors.ofFloats(POLICY_CHOSEN, Device.CPU).set_requires_grad(true);
            Tensor rejected = Tensors.ofFloats(POLICY_REJECTED, Device.CPU).set_requires_grad(true);
            LogRatios fixed = ratios();
            LogRatios ratios = new LogRatios(
                    chosen,
                    rejected,
                    fixed.referenceChosen(),
                    fixed.referenceRejected(),
                    fixed.chosenTokens(),
                    fixed.rejectedTokens());
            new PreferenceLoss.Sigmoid(0.1, 0).perPair(ratios).sum().backward();
            double[] ofChosen = Tensors.toDoubles(chosen.grad());
            double[] ofRejected = Tensors.toDoubles(rejected.grad());
            for (int i = 0; i < 4; i++) {
                double weight = 1 / (1 + Math.exp(0.1 * (CHOSEN[i] - REJECTED[i])));
                assertThat(ofChosen[i]).as("chosen " + i).isCloseTo(-0.1 * weight, within(1e-7));
                assertThat(ofRejected[i]).as("rejected " + i).isCloseTo(0.1 * weight, within(1e-7));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, -0.1, Double.NaN, Double.POSITIVE_INFINITY})
    void refusesABetaThatIsNotAPositiveNumber(double beta) {
        List<Runnable> makers = List.of(
                () -> new PreferenceLoss.Sigmoid(beta, 0),
                () -> new PreferenceLoss.Hinge(beta),
                () -> new PreferenceLoss.Ipo(beta, PreferenceLoss.Ipo.Reduction.SUM));
        for (Runnable maker : makers) {
            assertThatThrownBy(maker::run)
                    .isInstanceOf(UserError.class)
                    .hasMessage("beta is " + beta + "; it must be a number above 0");
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {-0.01, 0.5, 1, Double.NaN})
    void refusesALabelSmoothingOfHalfOrMore(double smoothing) {
        assertThatThrownBy(() -> new PreferenceLoss.Sigmoid(0.1, smoothing))
                .isInstanceOf(UserError.class)
                .hasMessage("label_smoothing is " + smoothing + "; it must be at least 0 and below 0.5");
    }

    @Test
    void aMixWeighsItsLossesAndDividesEachByItsOwnCount() {
        LossMix mix = new LossMix(List.of(
                new LossMix.Term(new PreferenceLoss.Sigmoid(0.1, 0), 2),
                new LossMix.Term(new PreferenceLoss.Sft(), 0.5)));
        try (TensorScope _ = new TensorScope()) {
            double[] shares = Tensors.toDoubles(mix.shares(ratios(), new StepCounts(8, 50)));
            // Pair 0: 2 x -ln sigmoid(0.3) / 8 pairs + 0.5 x 4 nats / 50 tokens.
            assertThat(shares[0]).isCloseTo(2 * softplusOfMinus(0.3) / 8 + 0.5 * 4 / 50, within(1e-6));
        }
        assertThat(mix.atZero()).isEmpty();
    }

    @Test
    void theLossAtZeroOfAMixIsTheWeightedSum() {
        LossMix mix = new LossMix(List.of(
                new LossMix.Term(new PreferenceLoss.Sigmoid(0.1, 0), 2),
                new LossMix.Term(new PreferenceLoss.Hinge(0.1), 0.25)));
        assertThat(mix.atZero()).hasValue(2 * Math.log(2) + 0.25 * 1);
    }

    @Test
    void refusesMixesThatAreEmptyDoubledOrWithoutFiniteWeights() {
        LossMix.Term hinge = new LossMix.Term(new PreferenceLoss.Hinge(0.1), 1);
        assertThatThrownBy(() -> new LossMix(List.of()))
                .isInstanceOf(UserError.class)
                .hasMessage("--loss names no loss");
        assertThatThrownBy(() -> new LossMix(List.of(hinge, hinge)))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("twice");
        for (double weight : new double[] {0, Double.NaN, Double.NEGATIVE_INFINITY}) {
            assertThatThrownBy(() -> new LossMix.Term(new PreferenceLoss.Sft(), weight))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("a loss weight is " + weight);
        }
    }

    @Test
    void rewardsAreBetaTimesLogRatiosAndATieIsNoAccuracy() {
        try (TensorScope _ = new TensorScope()) {
            Tensor shares = Tensors.ofFloats(new float[] {1, 2, 3, 4}, Device.CPU);
            PairMetrics read = PairMetrics.of(Tensors.toDoubles(PairMetrics.rows(shares, ratios())), 0.5);
            double[][] metrics = read.values();
            assertThat(read.lossShares()).containsExactly(1, 2, 3, 4);
            assertThat(PairMetrics.NAMES.getFirst()).isEqualTo("rewards/chosen");
            assertThat(metrics[0]).containsExactly(0.5, 0, -1000, 1000);
            assertThat(metrics[1]).containsExactly(-1, 0, 0, 0);
            assertThat(metrics[2]).as("accuracies; pair 1 is a tie").containsExactly(1, 0, 0, 1);
            assertThat(metrics[3]).containsExactly(1.5, 0, -1000, 1000);
            assertThat(metrics[4]).containsExactly(-4, -5, -2010, -10);
            assertThat(metrics[5]).containsExactly(-9, -3, -20, -20);
        }
    }
}
