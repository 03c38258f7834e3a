package io.github.dpo4j.objective;

import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * What is logged of each pair, under TRL's names. Rewards are beta x log-ratio whatever the loss; an accuracy is 1 only where
 * the chosen reward is strictly larger, so ties count 0.
 *
 * @param lossShares each pair's share of the step's loss, [B]
 * @param values the values of {@link #NAMES} for each pair, [6][B]
 */
@SuppressWarnings("ArrayRecordComponent") // plain numbers on their way to sums
public record PairMetrics(double[] lossShares, double[][] values) {
    public static final List<String> NAMES = List.of(
            "rewards/chosen",
            "rewards/rejected",
            "rewards/accuracies",
            "rewards/margins",
            "logps/chosen",
            "logps/rejected");

    /** Returns all that metrics are made of, float32 [5, B]; {@code shares} are float32 [B]. */
    public static Tensor rows(Tensor shares, LogRatios ratios) {
        return torch.stack(new TensorVector(
                shares.detach(),
                ratios.policyChosen().detach(),
                ratios.policyRejected().detach(),
                ratios.referenceChosen(),
                ratios.referenceRejected()));
    }

    /** Makes metrics of what {@link #rows} gave, read in order. */
    public static PairMetrics of(double[] read, double beta) {
        int pairs = read.length / 5;
        double[][] values = new double[NAMES.size()][pairs];
        for (int i = 0; i < pairs; i++) {
            double policyChosen = read[pairs + i];
            double policyRejected = read[2 * pairs + i];
            double chosen = beta * (policyChosen - read[3 * pairs + i]);
            double rejected = beta * (policyRejected - read[4 * pairs + i]);
            values[0][i] = chosen;
            values[1][i] = rejected;
            values[2][i] = chosen > rejected ? 1 : 0;
            values[3][i] = chosen - rejected;
            values[4][i] = policyChosen;
            values[5][i] = policyRejected;
        }
        return new PairMetrics(Arrays.copyOf(read, pairs), values);
    }
}
