package io.github.dpo4j.objective;

import static io.github.dpo4j.objective.FourPairs.CHOSEN_TOKENS;
import static io.github.dpo4j.objective.FourPairs.REJECTED_TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The gradient of every loss under every divergence it takes. */
class LossGradientsTest {
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
    @MethodSource("io.github.dpo4j.objective.FourPairs#losses")
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
}
