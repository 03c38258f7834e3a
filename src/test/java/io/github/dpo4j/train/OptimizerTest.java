package io.github.dpo4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.UserError;
import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.golden.Variant;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OptimizerTest {
    private static final double LEARNING_RATE = 1e-2;
    private static final double DECAY = 0.1;

    @TempDir
    Path folder;

    /** Llama with 5,000 tokens: 64 x 5,000 = 320,000 elements in the embedding alone, more than a slice of 262,144. */
    private Parameters parameters() throws IOException {
        Path wide = Variant.write("llama", folder.resolve("wide"), c -> c.put("vocab_size", 5000), weights -> {
            float[] embedding =
                    Variant.Stored.vector(5000 * 64, i -> 0.1 * Math.sin(i)).values();
            weights.put("model.embed_tokens.weight", new Variant.Stored(List.of(5000L, 64L), embedding));
        });
        return ModelFolder.open(wide)
                .loadTrainable(Device.CPU, ComputeType.FLOAT32)
                .parameters();
    }

    private static void setGradient(Parameters parameters, double[] gradient) {
        float[] floats = new float[gradient.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) gradient[i];
        }
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            parameters.flatGradient().copy_(Tensors.ofFloats(floats, Device.CPU));
        }
    }

    private static double[] gradient(int size, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double[] gradient = new double[size];
        Arrays.setAll(gradient, _ -> (float) (random.nextDouble() - 0.5));
        return gradient;
    }

    @Test
    void aFirstStepOfAdamWMovesEachWeightByTheLearningRateAndDecaysMatricesAlone() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            Parameters parameters = parameters();
            double[] before = Tensors.toDoubles(parameters.flat());
            double[] gradient = new double[before.length];
            Arrays.fill(gradient, 0.5);
            setGradient(parameters, gradient);
            new Optimizer(new OptimizerSettings.AdamW(0.9, 0.999, 1e-8, DECAY), parameters).step(LEARNING_RATE, 1, 1);
            double[] after = Tensors.toDoubles(parameters.flat());
            // m / (1 - beta1) = 0.5 and sqrt(v / (1 - beta2)) = 0.5, so the move is 0.01; decay takes 0.01 x 0.1 of w.
            assertThat(after[0]).isCloseTo(before[0] * 0.999 - 0.01, within(1e-7));
            int at = (int) parameters.decayedElements();
            assertThat(after[at]).isCloseTo(before[at] - 0.01, within(2e-7));
        }
    }

    @Test
    void aFirstStepOfRmsPropIsTenTimesTheLearningRateAndDecayJoinsTheGradient() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            Parameters parameters = parameters();
            double[] before = Tensors.toDoubles(parameters.flat());
            double[] gradient = new double[before.length];
            Arrays.fill(gradient, 0.5);
            setGradient(parameters, gradient);
            new Optimizer(new OptimizerSettings.RmsProp(0.99, 1e-8, 0), parameters).step(LEARNING_RATE, 1, 1);
            // 0.5 / sqrt(0.01 x 0.25) = 10
            assertThat(Tensors.toDoubles(parameters.flat())[0]).isCloseTo(before[0] - 0.1, within(1e-6));
        }
    }

    @Test
    void threeStepsOfAdamWOverSeveralSlicesEqualTheFormulaInDoubles() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            Parameters parameters = parameters();
            Optimizer optimizer = new Optimizer(new OptimizerSettings.AdamW(0.9, 0.999, 1e-8, DECAY), parameters);
            double[] weights = Tensors.toDoubles(parameters.flat());
            assertThat(weights.length).isGreaterThan(262_144);
            double[] mean = new double[weights.length];
            double[] square = new double[weights.length];
            for (int step = 1; step <= 3; step++) {
                double[] gradient = gradient(weights.length, step);
                setGradient(parameters, gradient);
                optimizer.step(LEARNING_RATE, step, 1);
                for (int i = 0; i < weights.length; i++) {
                    double decay = i < parameters.decayedElements() ? DECAY : 0;
                    weights[i] *= 1 - LEARNING_RATE * decay;
                    mean[i] = 0.9 * mean[i] + 0.1 * gradient[i];
                    square[i] = 0.999 * square[i] + 0.001 * gradient[i] * gradient[i];
                    double unbiased = Math.sqrt(square[i] / (1 - Math.pow(0.999, step)));
                    weights[i] -= LEARNING_RATE * mean[i] / (1 - Math.pow(0.9, step)) / (unbiased + 1e-8);
                }
            }
            assertFarthest(parameters.flat(), weights);
            assertFarthest(Objects.requireNonNull(optimizer.states().get("exp_avg")), mean);
            assertFarthest(Objects.requireNonNull(optimizer.states().get("exp_avg_sq")), square);
        }
    }

    @Test
    void threeStepsOfRmsPropOverSeveralSlicesEqualTheFormulaInDoubles() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            Parameters parameters = parameters();
            Optimizer optimizer = new Optimizer(new OptimizerSettings.RmsProp(0.99, 1e-8, DECAY), parameters);
            double[] weights = Tensors.toDoubles(parameters.flat());
            double[] square = new double[weights.length];
            for (int step = 1; step <= 3; step++) {
                double[] gradient = gradient(weights.length, step);
                setGradient(parameters, gradient);
                optimizer.step(LEARNING_RATE / 10, step, 1);
                for (int i = 0; i < weights.length; i++) {
                    double direction = gradient[i] + (i < parameters.decayedElements() ? DECAY : 0) * weights[i];
                    square[i] = 0.99 * square[i] + 0.01 * direction * direction;
                    weights[i] -= LEARNING_RATE / 10 * direction / (Math.sqrt(square[i]) + 1e-8);
                }
            }
            assertFarthest(parameters.flat(), weights);
        }
    }

    /** Weights of at most 1.1 in float32 over three steps: a few times 6e-8 each, and 1e-6 in all. */
    private static void assertFarthest(Tensor actual, double[] expected) {
        assertThat(Golden.farthest(Tensors.toDoubles(actual), expected)).isLessThan(2e-6);
    }

    @Test
    void refusesSettingsOutOfRange() {
        assertThatThrownBy(() -> new OptimizerSettings.AdamW(1, 0.999, 1e-8, 0))
                .isInstanceOf(UserError.class)
                .hasMessage("adam_beta1 is 1.0; it must be at least 0 and below 1");
        assertThatThrownBy(() -> new OptimizerSettings.AdamW(0.9, 0.999, Double.NaN, 0))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("adam_epsilon is NaN");
        assertThatThrownBy(() -> new OptimizerSettings.RmsProp(0.99, 1e-8, Double.NaN))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("weight_decay is NaN");
        assertThatThrownBy(() -> new OptimizerSettings.RmsProp(0.99, Double.NaN, 0))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("epsilon is NaN");
    }

    @Test
    void theGradientNormSpansChunksAndClippingScalesToIt() {
        try (TensorScope _ = new TensorScope()) {
            // 2^20 + 25 elements of 2: the norm is 2 sqrt(1,048,601).
            float[] twos = new float[(1 << 20) + 25];
            Arrays.fill(twos, 2);
            Tensor flat = Tensors.ofFloats(twos, Device.CPU);
            double norm = GradientNorm.of(flat);
            assertThat(norm).isCloseTo(2 * Math.sqrt(1_048_601), within(1e-3));
            assertThat(GradientNorm.clipScale(norm, 0)).as("no limit").isEqualTo(1);
            assertThat(GradientNorm.clipScale(norm, norm * 2))
                    .as("below the limit")
                    .isEqualTo(1);
            assertThat(GradientNorm.clipScale(norm, 1) * norm).isCloseTo(1, within(1e-6));
            twos[twos.length - 1] = Float.NaN;
            assertThat(GradientNorm.of(Tensors.ofFloats(twos, Device.CPU))).isNaN();
        }
    }
}
