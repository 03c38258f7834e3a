package io.github.dpo4j.objective;

import static io.github.dpo4j.objective.FourPairs.assertPerPair;
import static io.github.dpo4j.objective.FourPairs.margin;
import static io.github.dpo4j.objective.FourPairs.softplusOfMinus;

import org.junit.jupiter.api.Test;

class SortedLossTest {
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
}
