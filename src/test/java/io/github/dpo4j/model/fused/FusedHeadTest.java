package io.github.dpo4j.model.fused;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.kernel.Logits;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import io.github.dpo4j.torch.Workspace;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

/** The head over ranges of the vocabulary, against log-softmax over all of it and autograd. */
class FusedHeadTest {
    private static final int TOKENS = 300;
    private static final int WIDTH = 16;
    /** Several ranges, the last one odd. */
    private static final int VOCABULARY = 20_011;

    private static Tensor random(long seed, long... shape) {
        Random random = new Random(seed);
        float[] values = new float[(int) (shape[0] * shape[1])];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return Tensors.ofFloats(values, Device.CPU).view(shape);
    }

    @Test
    void rangesGiveTheLogpsAndGradientsOfTheWhole() {
        int[] targets = new Random(7).ints(TOKENS, 0, VOCABULARY).toArray();
        float[] upstream = new float[TOKENS];
        for (int i = 0; i < TOKENS; i++) {
            upstream[i] = (float) Math.cos(i);
        }
        try (TensorScope _ = new TensorScope()) {
            Tensor hidden = random(1, TOKENS, WIDTH);
            Tensor weight = random(2, VOCABULARY, WIDTH);
            Tensor hiddenLeaf = hidden.clone().set_requires_grad(true);
            Tensor weightLeaf = weight.clone().set_requires_grad(true);
            Tensor expected = torch.log_softmax(torch.mm(hiddenLeaf, weightLeaf.t()), 1)
                    .gather(1, Tensors.ofInts(targets, Device.CPU).unsqueeze(1))
                    .squeeze(1);
            expected.mul(Tensors.ofFloats(upstream, Device.CPU)).sum().backward();

            try (NoGrad _ = new NoGrad()) {
                Workspace scratch = new Workspace();
                Tensor gradient = Tensors.zeros(Device.CPU, ScalarType.Float, VOCABULARY, WIDTH);
                FusedHead head = new FusedHead(new Team(2, () -> {}), scratch, ScalarType.Float, weight, gradient);
                Workspace kept = new Workspace();
                Matrix rows = Matrix.take(kept, ScalarType.Float, TOKENS, WIDTH);
                rows.tensor().copy_(hidden);
                Logits logits = head.forward(rows, targets);
                double[] logps = Tensors.toDoubles(expected);
                double[] collisions = Tensors.toDoubles(torch.softmax(torch.mm(hidden, weight.t()), 1)
                        .square()
                        .sum(1)
                        .log());
                for (int i = 0; i < TOKENS; i++) {
                    assertThat((double) logits.logps()[i]).isCloseTo(logps[i], within(1e-5));
                    assertThat((double) logits.logCollisions()[i]).isCloseTo(collisions[i], within(1e-5));
                }
                Matrix hiddenGradient = Matrix.take(kept, ScalarType.Float, TOKENS, WIDTH);
                head.backward(rows, logits, upstream, hiddenGradient, true);
                assertThat(Golden.farthest(
                                Tensors.toDoubles(hiddenGradient.tensor()), Tensors.toDoubles(hiddenLeaf.grad())))
                        .isLessThan(2e-5);
                assertThat(Golden.farthest(Tensors.toDoubles(gradient), Tensors.toDoubles(weightLeaf.grad())))
                        .isLessThan(2e-5);
                assertThat(scratch.peakBytes())
                        .as("[tokens, vocabulary] never exists")
                        .isLessThan((long) TOKENS * VOCABULARY * Float.BYTES / 2);
            }
        }
    }
}
