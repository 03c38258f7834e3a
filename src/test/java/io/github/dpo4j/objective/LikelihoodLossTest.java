package io.github.dpo4j.objective;

import static io.github.dpo4j.objective.FourPairs.CHOSEN_TOKENS;
import static io.github.dpo4j.objective.FourPairs.POLICY_CHOSEN;
import static io.github.dpo4j.objective.FourPairs.POLICY_REJECTED;
import static io.github.dpo4j.objective.FourPairs.REJECTED_TOKENS;
import static io.github.dpo4j.objective.FourPairs.assertPerPair;
import static io.github.dpo4j.objective.FourPairs.softplusOfMinus;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class LikelihoodLossTest {
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
}
