package io.github.dpo4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.logprob.ReferenceLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.GradientStorage;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PreferenceLoss;
import io.github.dpo4j.recipe.DpoObjective;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A gradient of which one layer is there at a time trains as the whole one does. */
class GradientsByLayerTest {
    private static final OptimizerSettings ADAMW = new OptimizerSettings.AdamW(0.9, 0.999, 1e-8, 0.01);
    private static final LossMix SIGMOID =
            new LossMix(List.of(new LossMix.Term(new PreferenceLoss.Sigmoid(0.1, 0), 1)));

    /** Weights and gradient norms after three steps. */
    private record Trained(Map<String, float[]> weights, List<Double> gradNorms) {}

    private static CausalLm policy(String family, ComputeType type, GradientStorage gradients) throws IOException {
        return ModelFolder.open(Golden.of(family).policyFolder()).loadTrainable(Device.CPU, type, gradients);
    }

    private static DpoObjective objective(String family, CausalLm policy) throws IOException {
        Golden golden = Golden.of(family);
        return new DpoObjective(
                policy, new ReferenceLogps.Live(golden.reference()), SIGMOID, 0.1, golden.pairs(20, 16));
    }

    private static Trainer trainer(
            Objective objective, Parameters parameters, OptimizerSettings optimizer, double maxGradNorm) {
        return new Trainer(
                objective,
                parameters,
                new Optimizer(optimizer, parameters),
                1e-3,
                new Schedule.Constant(),
                maxGradNorm);
    }

    private static List<Objective.MicroBatch> prepared(Objective objective, int[]... packs) {
        return objective.prepare(List.of(packs)).toList();
    }

    private static Trained train(
            String family, ComputeType type, OptimizerSettings optimizer, GradientStorage gradients, boolean recompute)
            throws IOException {
        try (TensorScope _ = new TensorScope()) {
            CausalLm policy = policy(family, type, gradients);
            policy.recomputeActivations(recompute);
            DpoObjective objective = objective(family, policy);
            Parameters parameters = policy.parameters();
            Trainer trainer = trainer(objective, parameters, optimizer, 0);
            MetricSums sums = new MetricSums(objective.metricNames());
            List<Double> norms = new ArrayList<>();
            for (int step = 1; step <= 3; step++) {
                int[] pairs = {3 * step, 3 * step + 1, 3 * step + 2};
                norms.add(trainer.step(step, prepared(objective, pairs), sums).gradNorm());
            }
            Map<String, float[]> weights = new LinkedHashMap<>();
            parameters.byName().forEach((name, weight) -> weights.put(name, Tensors.toFloats(weight)));
            return new Trained(weights, norms);
        }
    }

    private static void assertSame(String family, ComputeType type, OptimizerSettings optimizer, boolean recompute)
            throws IOException {
        Trained whole = train(family, type, optimizer, GradientStorage.WHOLE, recompute);
        Trained byLayer = train(family, type, optimizer, GradientStorage.BY_LAYER, recompute);
        assertThat(byLayer.weights().keySet()).isEqualTo(whole.weights().keySet());
        whole.weights()
                .forEach((name, weight) ->
                        assertThat(byLayer.weights().get(name)).as(name).isEqualTo(weight));
        for (int step = 0; step < 3; step++) {
            double norm = whole.gradNorms().get(step);
            assertThat(byLayer.gradNorms().get(step)).isPositive().isCloseTo(norm, within(1e-6 * norm));
        }
    }

    @ParameterizedTest
    @CsvSource({"llama,FLOAT32", "llama3,BFLOAT16", "gpt2,FLOAT32", "gpt_neox,BFLOAT16"})
    void theTrainedWeightsAreTheSameBits(String family, ComputeType type) throws IOException {
        assertSame(family, type, ADAMW, false);
    }

    @Test
    void theyAreWithRmspropAndRecomputedActivationsToo() throws IOException {
        assertSame("gpt2", ComputeType.BFLOAT16, new OptimizerSettings.RmsProp(0.99, 1e-8, 0.01), true);
    }

    @Test
    void stepsLeaveNoNativeObjectBehind() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            CausalLm policy = policy("gpt2", ComputeType.FLOAT32, GradientStorage.BY_LAYER);
            DpoObjective objective = objective("gpt2", policy);
            Trainer trainer = trainer(objective, policy.parameters(), ADAMW, 0);
            MetricSums sums = new MetricSums(objective.metricNames());
            long count = 0;
            for (int step = 1; step <= 60; step++) {
                trainer.step(step, prepared(objective, new int[] {1, 2}), sums);
                count = step == 20 ? Pointer.totalCount() : count;
            }
            assertThat(Pointer.totalCount()).isEqualTo(count);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gpt_neox"})
    void thereIsRoomForOneLayer(String family) throws IOException {
        try (TensorScope _ = new TensorScope()) {
            ModelFolder folder = ModelFolder.open(Golden.of(family).policyFolder());
            Parameters parameters = folder.loadTrainable(Device.CPU, ComputeType.FLOAT32, GradientStorage.BY_LAYER)
                    .parameters();
            String last = parameters.byName().keySet().stream()
                    .reduce((_, name) -> name)
                    .orElseThrow();
            long end = parameters.gradient(last).storage_offset()
                    + parameters.gradient(last).numel();
            long room = folder.counts().gradients(GradientStorage.BY_LAYER);
            assertThat(end).isLessThanOrEqualTo(room).isGreaterThan(room - 32);
            assertThat(room).isLessThan(parameters.flat().numel());
        }
    }

    @Test
    void theGradientCheckReadsItAsItComes() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            CausalLm policy = policy("llama3", ComputeType.FLOAT32, GradientStorage.BY_LAYER);
            DpoObjective objective = objective("llama3", policy);
            GradientCheck.Result byLayer = GradientCheck.run(objective, policy.parameters(), 0, 1);
            assertThat(byLayer.agrees()).as(byLayer.toString()).isTrue();
            CausalLm other = policy("llama3", ComputeType.FLOAT32, GradientStorage.WHOLE);
            GradientCheck.Result whole = GradientCheck.run(objective("llama3", other), other.parameters(), 0, 1);
            assertThat(byLayer.autograd()).isCloseTo(whole.autograd(), within(1e-6 * Math.abs(whole.autograd())));
        }
    }

    @Test
    void whatNeedsTheWholeGradientIsRefused() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            CausalLm policy = policy("llama", ComputeType.FLOAT32, GradientStorage.BY_LAYER);
            DpoObjective objective = objective("llama", policy);
            Parameters parameters = policy.parameters();
            float[] before = Tensors.toFloats(parameters.flat());
            assertThatThrownBy(() -> trainer(objective, parameters, ADAMW, 1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("too late to clip");
            assertThatThrownBy(parameters::flatGradient).isInstanceOf(IllegalStateException.class);
            parameters.zeroGradient();
            assertThatThrownBy(() -> objective.run(new int[] {1}, true))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("nobody reads");
            assertThat(Tensors.toFloats(parameters.flat())).isEqualTo(before);
            assertThatThrownBy(() -> trainer(objective, parameters, ADAMW, 0)
                            .step(
                                    1,
                                    prepared(objective, new int[] {1}, new int[] {2}),
                                    new MetricSums(objective.metricNames())))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("cannot be added to");
        }
    }

    @Test
    void aNaNStopsBeforeTheFirstUpdate() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            CausalLm policy = policy("llama", ComputeType.FLOAT32, GradientStorage.BY_LAYER);
            DpoObjective objective = objective("llama", policy);
            Parameters parameters = policy.parameters();
            try (NoGrad _ = new NoGrad()) {
                parameters.weight("model.norm.weight").narrow(0, 3, 1).fill_(new Scalar(Double.NaN));
            }
            float[] before = Tensors.toFloats(parameters.flat());
            assertThatThrownBy(() -> trainer(objective, parameters, ADAMW, 0)
                            .step(4, prepared(objective, new int[] {2}), new MetricSums(objective.metricNames())))
                    .isInstanceOf(NonFiniteException.class)
                    .hasMessageContaining("step 4: the gradient is not finite; the examples of the step are ")
                    .hasMessageContaining("preferences.jsonl:3")
                    .hasMessageContaining("Some layers may have been updated and the last checkpoint is intact");
            assertThat(Tensors.toFloats(parameters.flat())).isEqualTo(before);
        }
    }
}
