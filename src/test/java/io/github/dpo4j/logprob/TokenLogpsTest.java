package io.github.dpo4j.logprob;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class TokenLogpsTest {
    private static final int[] COUNTS = {1, 700, 3, 64, 65, 1};

    /** As many token logps as {@link #COUNTS} has, from -12 to 0 nats. */
    private static float[] logps() {
        SplittableRandom random = new SplittableRandom(3);
        float[] logps = new float[Arrays.stream(COUNTS).sum()];
        for (int i = 0; i < logps.length; i++) {
            logps[i] = (float) (-12 * random.nextDouble());
        }
        return logps;
    }

    private static float[] sums(float[] logps, int... counts) {
        return Tensors.toFloats(TokenLogps.sums(Tensors.ofFloats(logps, Device.CPU), counts, Device.CPU));
    }

    @Test
    void eachSequencesTokensAreAddedUpToTheLastBitWhoeverIsBesideIt() {
        float[] logps = logps();
        try (TensorScope _ = new TensorScope()) {
            float[] together = sums(logps, COUNTS);
            int at = 0;
            for (int i = 0; i < COUNTS.length; i++) {
                float[] own = Arrays.copyOfRange(logps, at, at + COUNTS[i]);
                double exact = 0;
                for (float logp : own) {
                    exact += logp;
                }
                assertThat(together[i]).isEqualTo((float) exact);
                assertThat(sums(own, COUNTS[i])).containsExactly(together[i]);
                at += COUNTS[i];
            }
        }
    }

    @Test
    void theGradientOfASumReachesItsOwnTokensAlone() {
        try (TensorScope _ = new TensorScope()) {
            Tensor tokens = Tensors.ofFloats(new float[] {-1, -2, -3, -4, -5, -6}, Device.CPU);
            tokens.set_requires_grad(true);
            Tensor weights = Tensors.ofFloats(new float[] {10, 20, 30}, Device.CPU);
            Tensor sums = TokenLogps.sums(tokens, new int[] {2, 1, 3}, Device.CPU);
            assertThat(Tensors.toFloats(sums)).containsExactly(-3, -3, -15);
            sums.mul(weights).sum().backward();
            assertThat(Tensors.toFloats(tokens.grad())).containsExactly(10, 10, 20, 30, 30, 30);
        }
    }
}
