package io.github.dpo4j.objective;

import static io.github.dpo4j.objective.FourPairs.softplusOfMinus;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class FDivergenceTest {
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
}
