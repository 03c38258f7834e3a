package io.github.dpo4j.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.UserError;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.IntToDoubleFunction;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
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

    /** Policy = reference. */
    private static LogRatios untrained() {
        LogRatios ratios = ratios();
        return new LogRatios(
                ratios.policyChosen(),
                ratios.policyRejected(),
                ratios.policyChosen(),
                ratios.policyRejected(),
                ratios.chosenTokens(),
                ratios.rejectedTokens());
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

    private static double sigmoid(double z) {
        return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
    }

    private static double margin(int i) {
        return CHOSEN[i] - REJECTED[i];
    }

    @Test
    void exoIsTheDivergenceOfThePolicysPreferenceFromTheSmoothedLabels() {
        assertPerPair(new ScoreLoss.ExoPair(0.1, 0.001), i -> {
            double logit = 0.1 * margin(i);
            // q (ln q - ln 0.999) + q' (ln q' - ln 0.001)
            return sigmoid(logit) * (-softplusOfMinus(logit) - Math.log(0.999))
                    + sigmoid(-logit) * (-softplusOfMinus(-logit) - Math.log(0.001));
        });
    }

    @Test
    void ncaAddsHalfTheNoiseOfBothSides() {
        assertPerPair(
                new SideLoss.NcaPair(0.1),
                i -> softplusOfMinus(0.1 * CHOSEN[i])
                        + 0.5 * softplusOfMinus(-0.1 * CHOSEN[i])
                        + 0.5 * softplusOfMinus(-0.1 * REJECTED[i]));
    }

    @Test
    void robustSubtractsTheLossOfTheFlippedPair() {
        assertPerPair(
                new ScoreLoss.Robust(0.1, 0.1),
                i -> (0.9 * softplusOfMinus(0.1 * margin(i)) - 0.1 * softplusOfMinus(-0.1 * margin(i))) / 0.8);
        assertPerPair(new ScoreLoss.Robust(0.1, 0), i -> softplusOfMinus(0.1 * margin(i)));
    }

    @Test
    void bcoClassifiesEachSide() {
        assertPerPair(
                new SideLoss.BcoPair(0.1), i -> softplusOfMinus(0.1 * CHOSEN[i]) + softplusOfMinus(-0.1 * REJECTED[i]));
    }

    @Test
    void sppoPullsLogRatiosToPlusAndMinusHalfOverBeta() {
        assertPerPair(new SideLoss.SppoHard(0.1), i -> Math.pow(CHOSEN[i] - 5, 2) + Math.pow(REJECTED[i] + 5, 2));
    }

    @Test
    void apoZeroLiftsTheChosenAndApoDownLowersBoth() {
        assertPerPair(new SideLoss.ApoZero(0.1), i -> 1 - sigmoid(0.1 * CHOSEN[i]) + sigmoid(0.1 * REJECTED[i]));
        assertPerPair(new SideLoss.ApoDown(0.1), i -> sigmoid(0.1 * CHOSEN[i]) + 1 - sigmoid(0.1 * margin(i)));
    }

    @Test
    void discopopBlendsTheLogisticAndTheExponentialLossWithoutOverflow() {
        assertPerPair(new ScoreLoss.Discopop(0.1, 0.05), i -> {
            double z = 0.1 * margin(i);
            double share = sigmoid(z / 0.05);
            // exp(-z) x share where both are within range; at z = -200 the share is exp(-4000).
            double exponential = share == 0 ? 0 : Math.exp(-z) * share;
            return softplusOfMinus(z) * sigmoid(-z / 0.05) + exponential;
        });
    }

    @Test
    void lengthNormalizedDpoDividesEachSideByItsTokens() {
        assertPerPair(
                new ScoreLoss.SigmoidNorm(2),
                i -> softplusOfMinus(2 * (CHOSEN[i] / CHOSEN_TOKENS[i] - REJECTED[i] / REJECTED_TOKENS[i])));
    }

    @Test
    void simpoAsksOfMeanLogpsAMarginOfGamma() {
        assertPerPair(
                new LikelihoodLoss.Simpo(2, 0.5),
                i -> softplusOfMinus(
                        2 * (POLICY_CHOSEN[i] / CHOSEN_TOKENS[i] - POLICY_REJECTED[i] / REJECTED_TOKENS[i]) - 0.5));
    }

    private static double logOdds(double logp) {
        return logp - Math.log(-Math.expm1(logp));
    }

    @Test
    void orposSecondPartIsTheLogisticLossOfTheOddsRatio() {
        assertPerPair(
                new LikelihoodLoss.OddsRatio(0.25),
                i -> 0.25
                        * softplusOfMinus(logOdds(POLICY_CHOSEN[i] / CHOSEN_TOKENS[i])
                                - logOdds(POLICY_REJECTED[i] / REJECTED_TOKENS[i])));
    }

    @Test
    void theOddsOfASureCompletionAreFinite() {
        try (TensorScope _ = new TensorScope()) {
            Tensor sure = Tensors.ofFloats(new float[] {0}, Device.CPU).set_requires_grad(true);
            Tensor other = Tensors.ofFloats(new float[] {-3}, Device.CPU);
            Tensor one = Tensors.ofFloats(new float[] {1}, Device.CPU);
            Tensor loss = new LikelihoodLoss.OddsRatio(1)
                    .perPair(new LogRatios(other, sure, other, other, one, one))
                    .sum();
            loss.backward();
            assertThat(loss.item_float()).isFinite().isPositive();
            assertThat(Tensors.toFloats(sure.grad())[0]).isFinite();
        }
    }

    /** Margins 5, -2, -1990 and 10 of the policy, 2, -2, 10, -1990 of the reference: sorted in twos and in fours. */
    @Test
    void aotComparesMarginsInOrderOfSizeWithinItsPairs() {
        double[] twos = {
            // of {5, -2} against {2, -2}: 5 with 2, -2 with -2; of {-1990, 10} against {10, -1990}: in the other order
            0.1 * (5 - 2), 0.1 * (-2 - -2), 0.1 * (-1990 - -1990), 0.1 * (10 - 10)
        };
        assertPerPair(
                new SortedLoss.Aot(0.1, 0.2, 2), i -> 0.8 * softplusOfMinus(twos[i]) + 0.2 * softplusOfMinus(-twos[i]));
        // -1990, -2, 5, 10 against -1990, -2, 2, 10
        double[] fours = {0.1 * (5 - 2), 0, 0, 0};
        assertPerPair(new SortedLoss.Aot(0.1, 0, 4), i -> softplusOfMinus(fours[i]));
    }

    @Test
    void unpairedAotComparesTheSides() {
        // 1, 0, -2000, 2000 sorted against -2, 0, 0, 0 sorted: -2000 with -2, then 0, 1 and 2000 with 0
        double[] d = {0.1, 0, 0.1 * (-2000 + 2), 200};
        assertPerPair(new SortedLoss.AotUnpaired(0.1, 0, 100), i -> softplusOfMinus(d[i]));
        double[] alone = {0.1 * margin(0), 0.1 * margin(1), 0.1 * margin(2), 0.1 * margin(3)};
        assertPerPair(new SortedLoss.AotUnpaired(0.1, 0, 1), i -> softplusOfMinus(alone[i]));
    }

    @Test
    void divergencesMakeScoresOfLogRatios() {
        float[] r = {-2, 0, 1.5f};
        try (TensorScope _ = new TensorScope()) {
            Tensor ratios = Tensors.ofFloats(r, Device.CPU);
            double[] reverse = Tensors.toDoubles(new FDivergence.ReverseKl().score(ratios));
            double[] forward = Tensors.toDoubles(new FDivergence.ForwardKl().score(ratios));
            double[] js = Tensors.toDoubles(new FDivergence.JensenShannon().score(ratios));
            double[] half = Tensors.toDoubles(new FDivergence.Alpha(0.5).score(ratios));
            double[] none = Tensors.toDoubles(new FDivergence.Alpha(0).score(ratios));
            double[] one = Tensors.toDoubles(new FDivergence.Alpha(1).score(ratios));
            for (int i = 0; i < r.length; i++) {
                assertThat(reverse[i]).isEqualTo(r[i]);
                assertThat(forward[i]).isCloseTo(1 - Math.exp(-r[i]), within(1e-6));
                assertThat(js[i]).isCloseTo(Math.log(2) - softplusOfMinus(r[i]), within(1e-6));
                assertThat(half[i]).isCloseTo((Math.exp(-0.5 * r[i]) - 1) / -0.5, within(1e-6));
                assertThat(none[i]).as("forward KL").isCloseTo(forward[i], within(1e-6));
                assertThat(one[i]).as("reverse KL").isEqualTo(r[i]);
            }
        }
    }

    @Test
    void anAlphaDivergenceOfAHopelessCompletionIsFinite() {
        try (TensorScope _ = new TensorScope()) {
            Tensor ratios = Tensors.ofFloats(new float[] {-2000, 2000}, Device.CPU);
            for (double alpha : new double[] {0.5, 2}) {
                for (float score : Tensors.toFloats(new FDivergence.Alpha(alpha).score(ratios))) {
                    assertThat(score).isFinite();
                }
            }
        }
    }

    /** The loss is 0 there, and a gradient of 0 times an infinite one would be none. */
    @Test
    void theGradientOfAForwardKlOfAHopelessCompletionIsFinite() {
        try (TensorScope _ = new TensorScope()) {
            Tensor chosen = Tensors.ofFloats(new float[] {-1}, Device.CPU).set_requires_grad(true);
            Tensor rejected = Tensors.ofFloats(new float[] {-110}, Device.CPU).set_requires_grad(true);
            Tensor reference = Tensors.ofFloats(new float[] {-10}, Device.CPU);
            Tensor one = Tensors.ofFloats(new float[] {1}, Device.CPU);
            LogRatios ratios = new LogRatios(chosen, rejected, reference, reference, one, one);
            Tensor loss = new PreferenceLoss.Sigmoid(0.1, 0)
                    .perPair(ratios.under(new FDivergence.ForwardKl()))
                    .sum();
            loss.backward();
            assertThat(loss.item_float()).isZero();
            assertThat(Tensors.toFloats(chosen.grad())[0]).isFinite();
            assertThat(Tensors.toFloats(rejected.grad())[0]).isFinite();
        }
    }

    @Test
    void aMixPutsScoresOfItsDivergenceInPlaceOfLogRatios() {
        LossMix mix = new LossMix(
                List.of(new LossMix.Term(new PreferenceLoss.Sigmoid(0.5, 0), 1)),
                new FDivergence.ForwardKl(),
                OptionalDouble.empty(),
                false);
        try (TensorScope _ = new TensorScope()) {
            double[] shares = Tensors.toDoubles(mix.shares(ratios(), new StepCounts(1, 1)));
            // Pair 0: scores 1 - exp(-1) and 1 - exp(2).
            assertThat(shares[0])
                    .isCloseTo(softplusOfMinus(0.5 * ((1 - Math.exp(-1)) - (1 - Math.exp(2)))), within(1e-6));
        }
        assertThat(mix.atZero()).hasValue(Math.log(2));
    }

    @Test
    void aWeightedMixMultipliesEachPair() {
        LossMix mix = new LossMix(
                List.of(new LossMix.Term(new PreferenceLoss.Hinge(0.1), 2)),
                new FDivergence.ReverseKl(),
                OptionalDouble.empty(),
                true);
        try (TensorScope _ = new TensorScope()) {
            Tensor weights = Tensors.ofFloats(new float[] {0.5f, 0.25f, 2, 1}, Device.CPU);
            double[] shares = Tensors.toDoubles(mix.shares(ratios(), new StepCounts(4, 1), weights));
            assertThat(shares[0]).isCloseTo(2 * 0.5 * (1 - 0.3) / 4, within(1e-6));
            assertThat(shares[1]).isCloseTo(2 * 0.25 * 1 / 4, within(1e-6));
        }
        assertThat(mix.atZero()).as("depends on the data").isEmpty();
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

    static List<FDivergence> divergences() {
        return List.of(
                new FDivergence.ReverseKl(),
                new FDivergence.ForwardKl(),
                new FDivergence.JensenShannon(),
                new FDivergence.Alpha(0.5),
                new FDivergence.Alpha(1.7));
    }

    /** Central differences of the float32 loss at logps of small numbers, in steps far above its rounding. */
    @ParameterizedTest
    @MethodSource("losses")
    void theGradientIsThatOfFiniteDifferences(PreferenceLoss loss) {
        for (FDivergence divergence : divergences()) {
            if (divergence instanceof FDivergence.ReverseKl || loss.takesDivergence()) {
                assertGradient(loss, divergence);
            }
        }
    }

    private static void assertGradient(PreferenceLoss loss, FDivergence divergence) {
        float[][] logps = {{-2.1f, -3.7f, -1.2f, -5.3f}, {-2.9f, -2.2f, -4.1f, -3.4f}};
        try (TensorScope _ = new TensorScope()) {
            Tensor chosen = Tensors.ofFloats(logps[0], Device.CPU).set_requires_grad(true);
            Tensor rejected = Tensors.ofFloats(logps[1], Device.CPU).set_requires_grad(true);
            loss.perPair(small(chosen, rejected).under(divergence)).sum().backward();
            Tensor[] gradients = {chosen.grad(), rejected.grad()};
            for (int side = 0; side < 2; side++) {
                double[] gradient =
                        gradients[side].defined() ? Tensors.toDoubles(gradients[side]) : new double[logps[0].length];
                for (int i = 0; i < gradient.length; i++) {
                    double slope = (sum(loss, divergence, logps, side, i, 0.02f)
                                    - sum(loss, divergence, logps, side, i, -0.02f))
                            / 0.04;
                    assertThat(gradient[i])
                            .as(loss + " " + divergence + ", side " + side + ", pair " + i)
                            .isCloseTo(slope, within(2e-3 * Math.max(1, Math.abs(slope))));
                }
            }
        }
    }

    private static LogRatios small(Tensor chosen, Tensor rejected) {
        return new LogRatios(
                chosen,
                rejected,
                Tensors.ofFloats(new float[] {-2.5f, -3.1f, -1.9f, -4.8f}, Device.CPU),
                Tensors.ofFloats(new float[] {-2.2f, -2.6f, -3.6f, -3.9f}, Device.CPU),
                Tensors.ofFloats(CHOSEN_TOKENS, Device.CPU),
                Tensors.ofFloats(REJECTED_TOKENS, Device.CPU));
    }

    private static double sum(PreferenceLoss loss, FDivergence divergence, float[][] logps, int side, int i, float h) {
        float[][] moved = {logps[0].clone(), logps[1].clone()};
        moved[side][i] += h;
        LogRatios ratios = small(Tensors.ofFloats(moved[0], Device.CPU), Tensors.ofFloats(moved[1], Device.CPU));
        return Arrays.stream(Tensors.toDoubles(loss.perPair(ratios.under(divergence))))
                .sum();
    }

    @Test
    void refusesMixesThatDoNotGoTogether() {
        LossMix.Term sigmoid = new LossMix.Term(new PreferenceLoss.Sigmoid(0.1, 0), 1);
        LossMix.Term sft = new LossMix.Term(new PreferenceLoss.Sft(), 1);
        for (PreferenceLoss loss : losses()) {
            LossMix.Term term = new LossMix.Term(loss, 1);
            boolean takes = loss.takesDivergence() || loss instanceof PreferenceLoss.Sft;
            Runnable mix = () -> mix(new FDivergence.JensenShannon(), false, sigmoid, term);
            if (takes) {
                mix.run();
            } else {
                assertThatThrownBy(mix::run)
                        .isInstanceOf(UserError.class)
                        .hasMessageContaining("f_divergence goes with");
            }
            if (loss.couplesPairs()) {
                assertThatThrownBy(() -> mix(new FDivergence.ReverseKl(), true, sigmoid, term))
                        .isInstanceOf(UserError.class)
                        .hasMessageContaining("use_weighting does not go with aot");
            }
        }
        assertThatThrownBy(() -> mix(new FDivergence.ForwardKl(), false, sft)).isInstanceOf(UserError.class);
        mix(new FDivergence.ForwardKl(), true, sigmoid, sft);
    }

    private static LossMix mix(FDivergence divergence, boolean weighted, LossMix.Term... terms) {
        return new LossMix(List.of(terms), divergence, OptionalDouble.empty(), weighted);
    }

    @Test
    void onlyLossesMadeForItExcludeAReference() {
        LossMix.Term simpo = new LossMix.Term(new LikelihoodLoss.Simpo(2, 0.5), 1);
        LossMix.Term sft = new LossMix.Term(new PreferenceLoss.Sft(), 1);
        LossMix.Term hinge = new LossMix.Term(new PreferenceLoss.Hinge(0.1), 1);
        assertThat(new LossMix(List.of(simpo)).excludesReference()).isTrue();
        assertThat(new LossMix(List.of(simpo, sft)).excludesReference()).isTrue();
        assertThat(new LossMix(List.of(sft)).excludesReference()).isFalse();
        assertThat(new LossMix(List.of(simpo, hinge)).excludesReference()).isFalse();
    }

    @Test
    void anUntrainedPolicyHasTheLossThatAtZeroNames() {
        try (TensorScope _ = new TensorScope()) {
            for (PreferenceLoss loss : losses()) {
                if (loss.needsReference()) {
                    for (double value : Tensors.toDoubles(loss.perPair(untrained()))) {
                        assertThat(value)
                                .as(loss.toString())
                                .isCloseTo(loss.atZero(), within(1e-6 * Math.max(1, loss.atZero())));
                    }
                } else {
                    assertThatThrownBy(loss::atZero).isInstanceOf(IllegalStateException.class);
                }
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
        LossMix difference = new LossMix(List.of(
                new LossMix.Term(new PreferenceLoss.Sigmoid(0.1, 0), 1),
                new LossMix.Term(new PreferenceLoss.Hinge(0.1), -0.5)));
        assertThat(difference.atZero()).hasValue(Math.log(2) - 0.5);
        assertThat(difference.sizeAtZero()).isEqualTo(Math.log(2) + 0.5);
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
