package io.github.dpo4j.logprob;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.data.Origin;
import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.golden.Variant;
import io.github.dpo4j.golden.Variant.Stored;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.GradientStorage;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.model.fused.FusedDecoder;
import io.github.dpo4j.model.fused.FusedMemory;
import io.github.dpo4j.model.lora.Adapter;
import io.github.dpo4j.model.lora.LoraSettings;
import io.github.dpo4j.model.lora.LoraTargets;
import io.github.dpo4j.text.TokenizedPair;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The fused decoder is the plain one, which autograd takes backward: same logps, same gradient of every weight. */
class HandWrittenBackwardTest {
    @TempDir
    Path folder;

    /** Another weight for every token, so that no two may be swapped. */
    private static float[] upstream(int tokens) {
        float[] weights = new float[tokens];
        for (int i = 0; i < tokens; i++) {
            weights[i] = (float) Math.sin(i + 1);
        }
        return weights;
    }

    @SuppressWarnings("ArrayRecordComponent") // plain numbers
    private record Result(double[] logps, double[] logCollisions, double[] gradient) {}

    private static Result run(CausalLm model, ScoredTokens scored) {
        int tokens = Math.toIntExact(scored.logps().numel());
        scored.logps().mul(Tensors.ofFloats(upstream(tokens), Device.CPU)).sum().backward();
        scored.backward();
        return new Result(
                Tensors.toDoubles(scored.logps()),
                Tensors.toDoubles(scored.logCollisions()),
                Tensors.toDoubles(model.parameters().flatGradient()));
    }

    private static Result fused(CausalLm model, PackedTokens tokens) {
        model.parameters().zeroGradient();
        try (TensorScope _ = new TensorScope()) {
            FusedDecoder decoder = Objects.requireNonNull(model.fused(), "no vector module in this JVM");
            return run(model, ScoredTokens.Fused.of(decoder, tokens, model));
        }
    }

    private static Result plain(CausalLm model, PackedTokens tokens) {
        model.parameters().zeroGradient();
        try (TensorScope _ = new TensorScope()) {
            return run(model, ScoredTokens.Plain.of(model, tokens, true));
        }
    }

    static void assertSame(CausalLm model, PackedTokens tokens) {
        Result plain = plain(model, tokens);
        Result fused = fused(model, tokens);
        for (int i = 0; i < plain.logps().length; i++) {
            assertThat(fused.logps()[i]).isCloseTo(plain.logps()[i], within(2e-5));
            assertThat(fused.logCollisions()[i]).isCloseTo(plain.logCollisions()[i], within(2e-5));
        }
        Parameters parameters = model.parameters();
        try (TensorScope _ = new TensorScope()) {
            for (String name : parameters.byName().keySet()) {
                double[] expected = part(parameters, plain.gradient(), name);
                double[] actual = part(parameters, fused.gradient(), name);
                double norm = Math.sqrt(Arrays.stream(expected).map(g -> g * g).sum());
                assertThat(Golden.farthest(actual, expected)).as(name).isLessThan(1e-5 * norm + 1e-6);
            }
        }
    }

    private static double[] part(Parameters parameters, double[] flat, String name) {
        return Tensors.toDoubles(parameters.part(Tensors.ofDoubles(flat, Device.CPU), name));
    }

    private static PackedTokens pack(String family) throws IOException {
        return PreferenceBatch.of(Golden.of(family).pairs().subList(0, 3)).tokens();
    }

    @ParameterizedTest
    @MethodSource("io.github.dpo4j.golden.Golden#families")
    void logpsAndGradientsAreAutograds(String family) throws IOException {
        try (TensorScope _ = new TensorScope()) {
            assertSame(Golden.of(family).policy(), pack(family));
        }
    }

    private void assertVariant(String family, Consumer<ObjectNode> config) throws IOException {
        Path model = Variant.write(family, folder.resolve("m"), config, _ -> {});
        try (TensorScope _ = new TensorScope()) {
            assertSame(ModelFolder.open(model).loadTrainable(Device.CPU, ComputeType.FLOAT32), pack(family));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"silu", "gelu", "gelu_new", "relu"})
    void everyActivation(String activation) throws IOException {
        assertVariant("llama", config -> config.put("hidden_act", activation));
    }

    @ParameterizedTest
    @ValueSource(strings = {"silu", "gelu", "gelu_new", "relu"})
    void everyActivationWithoutAGate(String activation) throws IOException {
        assertVariant("gpt2", config -> config.put("activation_function", activation));
    }

    @Test
    void layersWithoutRotaryAndWithWindows() throws IOException {
        assertVariant(
                "llama",
                config -> config.put("model_type", "smollm3")
                        .put("no_rope_layer_interval", 2)
                        .put("use_sliding_window", true)
                        .put("sliding_window", 20));
    }

    @Test
    void attentionBeforeTheMlpWithLayerNorms() throws IOException {
        assertVariant("gpt_neox", config -> config.put("use_parallel_residual", false));
    }

    @Test
    void biasesOfEveryProduct() throws IOException {
        Path model = Variant.write(
                "llama", folder.resolve("m"), c -> c.put("attention_bias", true).put("mlp_bias", true), weights -> {
                    for (String name : List.copyOf(weights.keySet())) {
                        if (name.endsWith("_proj.weight")) {
                            int size = Math.toIntExact(Objects.requireNonNull(weights.get(name))
                                    .shape()
                                    .getFirst());
                            weights.put(
                                    name.replace(".weight", ".bias"), Stored.vector(size, i -> 0.1 * Math.sin(i + 1)));
                        }
                    }
                });
        try (TensorScope _ = new TensorScope()) {
            assertSame(ModelFolder.open(model).loadTrainable(Device.CPU, ComputeType.FLOAT32), pack("llama"));
        }
    }

    /** Longer than a strip of attention's queries, so that strips are put together. */
    @Test
    void longSequences() throws IOException {
        Random random = new Random(5);
        List<TokenizedPair> pairs = new ArrayList<>();
        for (int[] lengths : new int[][] {{210, 30, 45}, {1, 200, 3}, {385, 1, 1}}) {
            int[][] ids = new int[3][];
            for (int i = 0; i < 3; i++) {
                ids[i] = random.ints(lengths[i], 0, 200).toArray();
            }
            pairs.add(new TokenizedPair(new Origin(Path.of("made.jsonl"), 1), ids[0], ids[1], ids[2]));
        }
        for (String family : List.of("llama3", "gpt_neox")) {
            try (TensorScope _ = new TensorScope()) {
                assertSame(Golden.of(family).policy(), PreferenceBatch.of(pairs).tokens());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.dpo4j.golden.Golden#families")
    void recomputingActivationsChangesNoBit(String family) throws IOException {
        try (TensorScope _ = new TensorScope()) {
            CausalLm model = Golden.of(family).policy();
            Result kept = fused(model, pack(family));
            model.recomputeActivations(true);
            Result recomputed = fused(model, pack(family));
            assertThat(recomputed.logps()).isEqualTo(kept.logps());
            assertThat(recomputed.gradient()).isEqualTo(kept.gradient());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "gpt2"})
    void gradientsOfTwoPacksAddUp(String family) throws IOException {
        try (TensorScope _ = new TensorScope()) {
            CausalLm model = Golden.of(family).policy();
            double[] once = fused(model, pack(family)).gradient();
            try (TensorScope _ = new TensorScope()) {
                double[] twice =
                        run(model, ScoredTokens.of(model, pack(family))).gradient();
                for (int i = 0; i < once.length; i++) {
                    assertThat(twice[i]).isCloseTo(2 * once[i], within(1e-5 * (1 + Math.abs(once[i]))));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.dpo4j.golden.Golden#families")
    void inBfloat16TheGradientPointsTheSameWay(String family) throws IOException {
        try (TensorScope _ = new TensorScope()) {
            CausalLm exact = Golden.of(family).policy();
            CausalLm half =
                    ModelFolder.open(Golden.of(family).policyFolder()).loadTrainable(Device.CPU, ComputeType.BFLOAT16);
            double[] expected = fused(exact, pack(family)).gradient();
            double[] actual = fused(half, pack(family)).gradient();
            double dot = 0;
            double squares = 0;
            double expectedSquares = 0;
            for (int i = 0; i < expected.length; i++) {
                dot += expected[i] * actual[i];
                squares += actual[i] * actual[i];
                expectedSquares += expected[i] * expected[i];
            }
            assertThat(dot / Math.sqrt(squares * expectedSquares)).isGreaterThan(0.999);
            assertThat(Math.sqrt(squares / expectedSquares)).isCloseTo(1, within(0.02));
        }
    }

    @Test
    void theMemoryPlanHoldsWhatAForwardPassTakes() throws IOException {
        int[] prompt = new Random(5).ints(100, 0, 200).toArray();
        PackedTokens tokens = PackedTokens.ofSequences(List.of(prompt), List.of(prompt));
        for (String family : Golden.families().toList()) {
            try (TensorScope _ = new TensorScope()) {
                CausalLm model = Golden.of(family).policy();
                Tensor _ = TokenLogps.of(model, tokens);
                FusedMemory plan = FusedMemory.ofForward(model.settings(), ComputeType.FLOAT32);
                long taken = Objects.requireNonNull(model.fused()).workspaceBytes();
                assertThat(taken).isBetween(plan.bytesPerToken() * 100, plan.bytes(200));
            }
        }
    }

    @Test
    void aPassWhoseActivationsAnotherForwardTookIsRefused() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            CausalLm model = Golden.of("llama").policy();
            ScoredTokens first = ScoredTokens.of(model, pack("llama"));
            first.logps().sum().backward();
            TokenLogps.of(model, pack("llama"));
            assertThatThrownBy(first::backward)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("another forward");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theMemoryPlanHoldsWhatAPassTakes(boolean recompute) throws IOException {
        Random random = new Random(5);
        int[] prompt = random.ints(100, 0, 200).toArray();
        PackedTokens tokens = PackedTokens.ofSequences(List.of(prompt), List.of(prompt));
        for (String family : Golden.families().toList()) {
            try (TensorScope _ = new TensorScope()) {
                CausalLm model = Golden.of(family).policy();
                model.recomputeActivations(recompute);
                fused(model, tokens);
                FusedMemory plan = FusedMemory.of(
                        model.settings(), ComputeType.FLOAT32, FusedMemory.AdapterWidths.NONE, recompute);
                long taken = Objects.requireNonNull(model.fused()).workspaceBytes();
                assertThat(taken).isBetween(plan.bytesPerToken() * 100, plan.bytes(200));
            }
        }
    }

    /** A policy with an adapter that changes it: B is not zero. */
    private static CausalLm adapted(String family, ComputeType type, LoraSettings settings) throws IOException {
        ModelFolder folder = ModelFolder.open(Golden.of(family).policyFolder());
        Adapter shape = folder.adapterToTrain(Optional.of(settings)).orElseThrow();
        CausalLm model = folder.loadAdapted(folder.loadBase(Device.CPU, type), shape, 7, type, GradientStorage.WHOLE);
        Random random = new Random(3);
        try (NoGrad _ = new NoGrad();
                TensorScope _ = new TensorScope()) {
            model.parameters().byName().forEach((name, weight) -> {
                if (name.endsWith("lora_B.weight") || name.endsWith("lora_magnitude_vector")) {
                    float[] noise = new float[Math.toIntExact(weight.numel())];
                    for (int i = 0; i < noise.length; i++) {
                        noise[i] = (float) (0.05 * random.nextGaussian());
                    }
                    weight.add_(Tensors.ofFloats(noise, Device.CPU).view(Tensors.shape(weight)));
                }
            });
        }
        return model;
    }

    private static LoraSettings lora(double dropout, boolean dora, String... saved) {
        return new LoraSettings(5, 10, dropout, new LoraTargets.AllLinear(), false, dora, List.of(saved));
    }

    @ParameterizedTest
    @MethodSource("io.github.dpo4j.golden.Golden#families")
    void gradientsOfAnAdapterAreAutograds(String family) throws IOException {
        try (TensorScope _ = new TensorScope()) {
            CausalLm model = adapted(family, ComputeType.FLOAT32, lora(0, false));
            assertThat(model.parameters().byName().keySet()).allMatch(name -> name.contains(".lora_"));
            assertSame(model, pack(family));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theMemoryPlanHoldsWhatAnAdaptersPassTakes(boolean recompute) throws IOException {
        int[] prompt = new Random(5).ints(100, 0, 200).toArray();
        PackedTokens tokens = PackedTokens.ofSequences(List.of(prompt), List.of(prompt));
        for (LoraSettings settings : List.of(lora(0, false), lora(0, true), lora(0.1, false))) {
            try (TensorScope _ = new TensorScope()) {
                ModelFolder folder = ModelFolder.open(Golden.of("llama3").policyFolder());
                CausalLm model = adapted("llama3", ComputeType.FLOAT32, settings);
                model.recomputeActivations(recompute);
                model.parameters().withChance(3, () -> fused(model, tokens));
                FusedMemory plan = FusedMemory.of(
                        model.settings(),
                        ComputeType.FLOAT32,
                        folder.widths(model.weights().adapted().orElseThrow().adapter()),
                        recompute);
                long taken = Objects.requireNonNull(model.fused()).workspaceBytes();
                assertThat(taken).as(settings.toString()).isBetween(plan.bytesPerToken() * 100, plan.bytes(200));
            }
        }
    }

    @Test
    void recomputingAnAdaptersActivationsChangesNoBit() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            CausalLm model = adapted("qwen3", ComputeType.FLOAT32, lora(0.2, false));
            model.parameters().withChance(5, () -> {
                try {
                    Result kept = fused(model, pack("qwen3"));
                    model.recomputeActivations(true);
                    assertThat(fused(model, pack("qwen3")).gradient()).isEqualTo(kept.gradient());
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gpt2", "gpt_neox", "gemma3", "phi3"})
    void gradientsOfDoraAreAutograds(String family) throws IOException {
        try (TensorScope _ = new TensorScope()) {
            assertSame(adapted(family, ComputeType.FLOAT32, lora(0, true)), pack(family));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gpt2"})
    void whatFallsOutIsTheSameByHand(String family) throws IOException {
        try (TensorScope _ = new TensorScope()) {
            CausalLm model = adapted(family, ComputeType.FLOAT32, lora(0.3, false));
            double[] whole = fused(model, pack(family)).logps();
            model.parameters().withChance(11, () -> {
                try {
                    assertSame(model, pack(family));
                    assertThat(fused(model, pack(family)).logps()).isNotEqualTo(whole);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "mistral"})
    void modulesThatAreTrainedWhole(String family) throws IOException {
        String[] saved = family.equals("llama") ? new String[] {"embed_tokens", "norm"} : new String[] {"lm_head"};
        try (TensorScope _ = new TensorScope()) {
            CausalLm model = adapted(family, ComputeType.FLOAT32, lora(0, false, saved));
            assertThat(model.parameters().byName())
                    .containsKey(family.equals("llama") ? "model.embed_tokens.weight" : "lm_head.weight");
            assertSame(model, pack(family));
        }
    }

    /** The self-check computes in float32 on a base that is bfloat16. */
    @Test
    void anAdapterInFloat32BesideABaseInBfloat16() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            CausalLm model =
                    adapted("llama3", ComputeType.BFLOAT16, lora(0, false)).computingIn(ComputeType.FLOAT32);
            assertSame(model, pack("llama3"));
        }
    }
}
