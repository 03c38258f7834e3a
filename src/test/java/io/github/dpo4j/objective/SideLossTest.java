package io.github.dpo4j.objective;

import static io.github.dpo4j.objective.FourPairs.CHOSEN;
import static io.github.dpo4j.objective.FourPairs.REJECTED;
import static io.github.dpo4j.objective.FourPairs.assertPerPair;
import static io.github.dpo4j.objective.FourPairs.margin;
import static io.github.dpo4j.objective.FourPairs.sigmoid;
import static io.github.dpo4j.objective.FourPairs.softplusOfMinus;

import org.junit.jupiter.api.Test;

class SideLossTest {
    @Test
    void ncaAddsHalfTheNoiseOfBothSides() {
        assertPerPair(
                new SideLoss.NcaPair(0.1),
                i -> softplusOfMinus(0.1 * CHOSEN[i])
                        + 0.5 * softplusOfMinus(-0.1 * CHOSEN[i])
                        + 0.5 * softplusOfMinus(-0.1 * REJECTED[i]));
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
}
