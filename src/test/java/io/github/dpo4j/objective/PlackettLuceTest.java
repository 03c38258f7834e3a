package io.github.dpo4j.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.UserError;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class PlackettLuceTest {
    /** Sequences 0, 2, 4 are the ranking of three, best first; 3 and 1 the one of two. */
    private static final int[][] SEQUENCES = {{0, 2, 4}, {3, 1}};

    private static final float[] RATIOS = {1, -2, 0.5f, 3, -1};

    @Test
    void eachCompletionIsChosenAmongThoseThatAreLeft() {
        try (TensorScope _ = new TensorScope()) {
            double[] losses = Tensors.toDoubles(
                    new PlackettLuce(0.5).perRanking(Tensors.ofFloats(RATIOS, Device.CPU), SEQUENCES));
            // -ln e^0.5 / (e^0.5 + e^0.25 + e^-0.5) - ln e^0.25 / (e^0.25 + e^-0.5)
            double first = Math.log(Math.exp(0.5) + Math.exp(0.25) + Math.exp(-0.5)) - 0.5;
            double second = Math.log(Math.exp(0.25) + Math.exp(-0.5)) - 0.25;
            assertThat(losses[0]).isCloseTo(first + second, within(1e-6));
            // Of two: -ln sigmoid(0.5 x (3 - -2)).
            assertThat(losses[1]).isCloseTo(Math.log1p(Math.exp(-2.5)), within(1e-6));
        }
    }

    @Test
    void thousandsOfNatsDoNotOverflow() {
        try (TensorScope _ = new TensorScope()) {
            Tensor ratios = Tensors.ofFloats(new float[] {-3000, 3000, 2999}, Device.CPU);
            double[] losses = Tensors.toDoubles(new PlackettLuce(1).perRanking(ratios, new int[][] {{0, 1, 2}}));
            assertThat(losses[0]).isCloseTo(6000 + 2 * Math.log1p(Math.exp(-1)), within(1e-2));
        }
    }

    @Test
    void theGradientIsThatOfFiniteDifferences() {
        try (TensorScope _ = new TensorScope()) {
            Tensor ratios = Tensors.ofFloats(RATIOS, Device.CPU).set_requires_grad(true);
            PlackettLuce loss = new PlackettLuce(0.5);
            loss.perRanking(ratios, SEQUENCES).sum().backward();
            double[] gradient = Tensors.toDoubles(ratios.grad());
            for (int i = 0; i < RATIOS.length; i++) {
                double slope = (sum(loss, i, 0.02f) - sum(loss, i, -0.02f)) / 0.04;
                assertThat(gradient[i]).isCloseTo(slope, within(1e-3));
            }
        }
    }

    private static double sum(PlackettLuce loss, int i, float h) {
        float[] moved = RATIOS.clone();
        moved[i] += h;
        return Tensors.toDoubles(
                loss.perRanking(Tensors.ofFloats(moved, Device.CPU), SEQUENCES).sum())[0];
    }

    @Test
    void anUntrainedPolicyHasTheLogOfTheNumberOfOrders() {
        PlackettLuce loss = new PlackettLuce(0.1);
        assertThat(loss.atZero(2)).isEqualTo(Math.log(2));
        assertThat(loss.atZero(4)).isCloseTo(Math.log(24), within(1e-12));
        try (TensorScope _ = new TensorScope()) {
            Tensor zeros = Tensors.ofFloats(new float[4], Device.CPU);
            assertThat(Tensors.toDoubles(loss.perRanking(zeros, new int[][] {{3, 1, 0, 2}}))[0])
                    .isCloseTo(Math.log(24), within(1e-6));
        }
    }

    @Test
    void metricsHoldTheBestAgainstTheOthers() {
        double[] policy = {-4, -6, -5, -1, -9};
        double[] reference = {-5, -4, -5.5, -4, -8};
        double[][] values = RankingMetrics.of(policy, reference, SEQUENCES, 0.5);
        // Rewards 0.5, 0.25, -0.5 of the first ranking: all three pairs in order.
        assertThat(values[0]).containsExactly(0.5, 1.5);
        assertThat(values[1]).containsExactly((0.25 - 0.5) / 2, -1);
        assertThat(values[2]).containsExactly(1, 1);
        assertThat(values[3]).containsExactly(0.5 - (0.25 - 0.5) / 2, 2.5);
        assertThat(values[4]).containsExactly(-4, -1);
        assertThat(values[5]).containsExactly((-5 - 9) / 2.0, -6);
        // Ranked the other way round none is; a tie is none either.
        assertThat(RankingMetrics.of(policy, reference, new int[][] {{4, 2, 0}}, 0.5)[2])
                .containsExactly(0);
        assertThat(RankingMetrics.of(policy, policy, new int[][] {{4, 2, 0}}, 0.5)[2])
                .containsExactly(0);
    }

    @Test
    void refusesABetaThatIsNotAPositiveNumber() {
        assertThatThrownBy(() -> new PlackettLuce(0))
                .isInstanceOf(UserError.class)
                .hasMessage("beta is 0.0; it must be a number above 0");
    }
}
