package io.github.dpo4j.objective;

import java.util.Arrays;

/**
 * What is logged of each ranking, under the names of {@link PairMetrics}: {@code chosen} is the best completion, {@code
 * rejected} the mean of the others. An accuracy is the share of the K (K - 1) / 2 pairs of completions of which the better one
 * has the strictly larger reward. With K = 2 all are those of the pair.
 */
public final class RankingMetrics {
    private RankingMetrics() {}

    /**
     * Returns the values of {@link PairMetrics#NAMES}, [6][B].
     *
     * @param policy summed logps of the N sequences, as {@code reference} is
     * @param sequences for each ranking the numbers of its sequences, best first
     */
    public static double[][] of(double[] policy, double[] reference, int[][] sequences, double beta) {
        double[][] values = new double[PairMetrics.NAMES.size()][sequences.length];
        for (int i = 0; i < sequences.length; i++) {
            double[] logps =
                    Arrays.stream(sequences[i]).mapToDouble(s -> policy[s]).toArray();
            double[] rewards = Arrays.stream(sequences[i])
                    .mapToDouble(s -> beta * (policy[s] - reference[s]))
                    .toArray();
            values[0][i] = rewards[0];
            values[1][i] = meanOfOthers(rewards);
            values[2][i] = inOrder(rewards);
            values[3][i] = values[0][i] - values[1][i];
            values[4][i] = logps[0];
            values[5][i] = meanOfOthers(logps);
        }
        return values;
    }

    private static double meanOfOthers(double[] values) {
        return Arrays.stream(values).skip(1).sum() / (values.length - 1);
    }

    private static double inOrder(double[] rewards) {
        int right = 0;
        int all = 0;
        for (int better = 0; better < rewards.length; better++) {
            for (int worse = better + 1; worse < rewards.length; worse++) {
                right += rewards[better] > rewards[worse] ? 1 : 0;
                all++;
            }
        }
        return (double) right / all;
    }
}
