package io.github.dpo4j.objective;

import static io.github.dpo4j.objective.FourPairs.losses;
import static io.github.dpo4j.objective.FourPairs.ratios;
import static io.github.dpo4j.objective.FourPairs.softplusOfMinus;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.UserError;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.List;
import java.util.OptionalDouble;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class LossMixTest {
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
}
