package io.github.dpo4j.objective;

import static io.github.dpo4j.objective.FourPairs.ratios;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class PairMetricsTest {
    @Test
    void rewardsAreBetaTimesLogRatiosAndATieIsNoAccuracy() {
        try (TensorScope _ = new TensorScope()) {
            Tensor shares = Tensors.ofFloats(new float[] {1, 2, 3, 4}, Device.CPU);
            PairMetrics read = PairMetrics.of(Tensors.toDoubles(PairMetrics.rows(shares, ratios())), 0.5);
            double[][] metrics = read.values();
            assertThat(read.lossShares()).containsExactly(1, 2, 3, 4);
            assertThat(PairMetrics.NAMES.getFirst()).isEqualTo("rewards/chosen");
            assertThat(metrics[0]).containsExactly(0.5, 0, -1000, 1000);
            assertThat(metrics[1]).containsExactly(-1, 0, 0, 0);
            assertThat(metrics[2]).as("accuracies; pair 1 is a tie").containsExactly(1, 0, 0, 1);
            assertThat(metrics[3]).containsExactly(1.5, 0, -1000, 1000);
            assertThat(metrics[4]).containsExactly(-4, -5, -2010, -10);
            assertThat(metrics[5]).containsExactly(-9, -3, -20, -20);
        }
    }
}
