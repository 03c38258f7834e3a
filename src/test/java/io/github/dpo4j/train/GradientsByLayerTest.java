package io.github.dpo4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.golden.Variant;
import io.github.dpo4j.logprob.ReferenceLogps;
import io.github.dpo4j.logprob.ScoredTokens;
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
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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

    @TempDir
    Path temporary;

    private static CausalLm policy(String family, ComputeType type, GradientStorage gradients) throws IOException {
        return ModelFolder.open(Golden.of(family).policyFolder()).loadTrainable(Device.CPU, type, gradients);
    }

    private static DpoObjective objective(String family, CausalLm policy) throws IOException {
        Golden golden = Golden.of(family);
        return new DpoObjective(
                policy, new ReferenceLogps.Live(golden.reference()), SIGMOID, 0.1, golden.pairs(20, 16));
    }

    private static DpoObjective byLayer(String family) throws IOException {
        return objective(family, policy(family, ComputeType.FLOAT32, GradientStorage.BY_LAYER));
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

    private static Trained train(String family, CausalLm policy, OptimizerSettings optimizer) throws IOException {
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

    private static void assertSame(
            String family, Path folder, ComputeType type, OptimizerSettings optimizer, boolean recompute)
            throws IOException {
        List<Trained> both = new ArrayList<>();
        for (GradientStorage storage : GradientStorage.values()) {
            try (TensorScope _ = new TensorScope()) {
                CausalLm policy = ModelFolder.open(folder).loadTrainable(Device.CPU, type, storage);
                policy.recomputeActivations(recompute);
                both.add(train(family, policy, optimizer));
            }
        }
        Trained whole = both.getFirst();
        Trained byLayer = both.getLast();
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
        assertSame(family, Golden.of(family).policyFolder(), type, ADAMW, false);
    }

    @Test
    void theyAreWithRmspropAndRecomputedActivationsToo() throws IOException {
        OptimizerSettings rms = new OptimizerSettings.RmsProp(0.99, 1e-8, 0.01);
        assertSame("gpt2", Golden.of("gpt2").policyFolder(), ComputeType.BFLOAT16, rms, true);
    }

    /** Sizes that are no multiple of 32 leave gaps between weights, and each layer others' gradients in them. */
    @Test
    void theyAreForOddSizes() throws IOException {
        Path odd = Variant.write(
                "llama",
                temporary.resolve("odd"),
                config -> config.put("hidden_size", 10)
                        .put("num_attention_heads", 2)
                        .put("num_key_value_heads", 1)
                        .put("head_dim", 4)
                        .put("intermediate_size", 7),
                weights -> weights.replaceAll((name, old) -> oddSized(name, old.shape())));
        for (ComputeType type : ComputeType.values()) {
            assertSame("llama", odd, type, ADAMW, false);
        }
    }

    private static Variant.Stored oddSized(String name, List<Long> old) {
        Map<String, List<Long>> shapes = Map.of(
                "q_proj", List.of(8L, 10L),
                "k_proj", List.of(4L, 10L),
                "v_proj", List.of(4L, 10L),
                "o_proj", List.of(10L, 8L),
                "gate_proj", List.of(7L, 10L),
                "up_proj", List.of(7L, 10L),
                "down_proj", List.of(10L, 7L));
        List<Long> shape = shapes.entrySet().stream()
                .filter(entry -> name.contains(entry.getKey()))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(old.size() == 1 ? List.of(10L) : List.of(old.getFirst(), 10L));
        int elements = (int) shape.stream().mapToLong(Long::longValue).reduce(1, (a, b) -> a * b);
        double level = old.size() == 1 ? 1 : 0;
        return new Variant.Stored(
                shape,
                Variant.Stored.vector(elements, i -> level + 0.3 * Math.sin(name.hashCode() % 100 + 1.7 * i))
                        .values());
    }

    @Test
    void stepsLeaveNoNativeObjectBehind() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            DpoObjective objective = byLayer("gpt2");
            Trainer trainer = trainer(objective, objective.policy().parameters(), ADAMW, 0);
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
            DpoObjective objective = byLayer("llama3");
            GradientCheck.Result byLayer =
                    GradientCheck.run(objective, objective.policy().parameters(), 0, 1);
            assertThat(byLayer.agrees()).as(byLayer.toString()).isTrue();
            CausalLm other = policy("llama3", ComputeType.FLOAT32, GradientStorage.WHOLE);
            GradientCheck.Result whole = GradientCheck.run(objective("llama3", other), other.parameters(), 0, 1);
            assertThat(byLayer.autograd()).isCloseTo(whole.autograd(), within(1e-6 * Math.abs(whole.autograd())));
        }
    }

    @Test
    void whatNeedsTheWholeGradientIsRefused() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            DpoObjective objective = byLayer("llama");
            Parameters parameters = objective.policy().parameters();
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
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("one micro-batch a step, not 2");
            parameters.zeroGradient();
            assertThatThrownBy(() -> parameters.readGradients(
                            () -> {
                                objective.run(new int[] {1}, true);
                                objective.run(new int[] {2}, true);
                            },
                            _ -> {}))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("cannot be added to");
            assertThat(Tensors.toFloats(parameters.flat())).isEqualTo(before);
        }
    }

    @Test
    void aNaNLossStopsBeforeTheBackwardAndNamesItsPair() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            DpoObjective objective = byLayer("llama");
            Parameters parameters = objective.policy().parameters();
            try (NoGrad _ = new NoGrad()) {
                parameters.weight("model.norm.weight").narrow(0, 3, 1).fill_(new Scalar(Double.NaN));
            }
            float[] before = Tensors.toFloats(parameters.flat());
            assertThatThrownBy(() -> trainer(objective, parameters, ADAMW, 0)
                            .step(4, prepared(objective, new int[] {2}), new MetricSums(objective.metricNames())))
                    .isInstanceOf(NonFiniteException.class)
                    .hasMessageContaining("step 4: the loss is not finite on ")
                    .hasMessageContaining("preferences.jsonl:3")
                    .hasMessageContaining("No update was made and the last checkpoint is intact");
            assertThat(Tensors.toFloats(parameters.flat())).isEqualTo(before);
        }
    }

    /** An objective whose loss is finite and whose gradient is not. */
    private record NaNGradient(DpoObjective whole, PackedTokens tokens) implements Objective.MicroBatch {
        @Override
        public int[] examples() {
            return new int[] {2};
        }

        @Override
        public Objective.Unread start(boolean backward) {
            ScoredTokens scored = ScoredTokens.of(whole.policy(), tokens);
            scored.sums().sum().mul(new Scalar(Double.NaN)).backward();
            scored.backward();
            return prepared(whole, examples()).getFirst().start(false);
        }
    }

    @Test
    void aNaNGradientStopsBeforeTheUpdateOfItsLayer() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            DpoObjective objective = byLayer("llama");
            Parameters parameters = objective.policy().parameters();
            PackedTokens tokens =
                    PreferenceBatch.of(objective.pairs().subList(2, 3)).tokens();
            float[] before = Tensors.toFloats(parameters.flat());
            assertThatThrownBy(() -> trainer(objective, parameters, ADAMW, 0)
                            .step(
                                    4,
                                    List.of(new NaNGradient(objective, tokens)),
                                    new MetricSums(objective.metricNames())))
                    .isInstanceOf(NonFiniteException.class)
                    .hasMessageContaining("step 4: the gradient is not finite though the loss is; the examples")
                    .hasMessageContaining("preferences.jsonl:3")
                    .hasMessageContaining("Layers above it may have been updated and the last checkpoint is intact");
            assertThat(Tensors.toFloats(parameters.flat())).isEqualTo(before);
        }
    }
}
