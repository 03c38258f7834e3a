package io.github.dpo4j.objective;

import io.github.dpo4j.torch.Tensors;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * What is logged of each pair, under TRL's names. Rewards are beta x log-ratio whatever the loss; an accuracy is 1 only where
 * the chosen reward is strictly larger, so ties count 0.
 */
public final class PairMetrics {
    public static final List<String> NAMES = List.of(
            "rewards/chosen",
            "rewards/rejected",
            "rewards/accuracies",
            "rewards/margins",
            "logps/chosen",
            "logps/rejected");

    private PairMetrics() {}

    /** Returns the values of {@link #NAMES} for each pair, [6][B], in one read from the device. */
    public static double[][] of(LogRatios ratios, double beta) {
        Tensor logps = torch.stack(new TensorVector(
                ratios.policyChosen().detach(),
                ratios.policyRejected().detach(),
                ratios.referenceChosen(),
                ratios.referenceRejected()));
        double[] values = Tensors.toDoubles(logps);
        int pairs = values.length / 4;
        double[][] metrics = new double[NAMES.size()][pairs];
        for (int i = 0; i < pairs; i++) {
            double chosen = beta * (values[i] - values[2 * pairs + i]);
            double rejected = beta * (values[pairs + i] - values[3 * pairs + i]);
            metrics[0][i] = chosen;
            metrics[1][i] = rejected;
            metrics[2][i] = chosen > rejected ? 1 : 0;
            metrics[3][i] = chosen - rejected;
            metrics[4][i] = values[i];
            metrics[5][i] = values[pairs + i];
        }
        return metrics;
    }
}
