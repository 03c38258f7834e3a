package io.github.dpo4j.objective;

import static io.github.dpo4j.objective.FourPairs.CHOSEN;
import static io.github.dpo4j.objective.FourPairs.CHOSEN_TOKENS;
import static io.github.dpo4j.objective.FourPairs.REJECTED;
import static io.github.dpo4j.objective.FourPairs.REJECTED_TOKENS;
import static io.github.dpo4j.objective.FourPairs.assertPerPair;
import static io.github.dpo4j.objective.FourPairs.margin;
import static io.github.dpo4j.objective.FourPairs.sigmoid;
import static io.github.dpo4j.objective.FourPairs.softplusOfMinus;

import org.junit.jupiter.api.Test;

class ScoreLossTest {
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
    void robustSubtractsTheLossOfTheFlippedPair() {
        assertPerPair(
                new ScoreLoss.Robust(0.1, 0.1),
                i -> (0.9 * softplusOfMinus(0.1 * margin(i)) - 0.1 * softplusOfMinus(-0.1 * margin(i))) / 0.8);
        assertPerPair(new ScoreLoss.Robust(0.1, 0), i -> softplusOfMinus(0.1 * margin(i)));
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
}
