package io.github.dpo4j.objective;

import static io.github.dpo4j.objective.FourPairs.CHOSEN;
import static io.github.dpo4j.objective.FourPairs.CHOSEN_TOKENS;
import static io.github.dpo4j.objective.FourPairs.POLICY_CHOSEN;
import static io.github.dpo4j.objective.FourPairs.POLICY_REJECTED;
import static io.github.dpo4j.objective.FourPairs.REJECTED;
import static io.github.dpo4j.objective.FourPairs.REJECTED_TOKENS;
import static io.github.dpo4j.objective.FourPairs.assertPerPair;
import static io.github.dpo4j.objective.FourPairs.losses;
import static io.github.dpo4j.objective.FourPairs.ratios;
import static io.github.dpo4j.objective.FourPairs.softplusOfMinus;
import static io.github.dpo4j.objective.FourPairs.untrained;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.UserError;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PreferenceLossTest {
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
}
