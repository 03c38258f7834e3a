package io.github.dpo4j.model.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.logprob.TokenLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.GradientStorage;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.model.ModelWeights;
import io.github.dpo4j.model.ModelWriter;
import io.github.dpo4j.safetensors.DType;
import io.github.dpo4j.safetensors.SafetensorsFile;
import io.github.dpo4j.safetensors.TensorSpec;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Adapters that PEFT 0.21 wrote for the goldens (seed 5, B and lengths moved by 0.05 x normal noise), and the logps of pair 0
 * under them there: float32, log_softmax in float64, summed over the completion.
 */
class AdapterFolderTest {
    @TempDir
    Path folder;

    private static Path adapter(String name) {
        return Path.of("src/test/resources/adapter").resolve(name);
    }

    private static double[] logps(String family, Path model) throws IOException {
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            return logps(family, ModelFolder.open(model).loadFrozen(Device.CPU, ComputeType.FLOAT32));
        }
    }

    private static double[] logps(String family, CausalLm model) throws IOException {
        PreferenceBatch batch =
                PreferenceBatch.of(Golden.of(family).pairs(1000, 1000).subList(0, 1));
        return Tensors.toDoubles(TokenLogps.sums(model, batch.tokens()));
    }

    private static CausalLm trainable(Path path) {
        ModelFolder model = ModelFolder.open(path);
        Adapter shape = model.adapterToTrain(Optional.empty()).orElseThrow();
        return model.loadAdapted(
                model.loadBase(Device.CPU, ComputeType.FLOAT32), shape, 0, ComputeType.FLOAT32, GradientStorage.WHOLE);
    }

    @ParameterizedTest
    @CsvSource({
        "lora, llama, -157.48848616059541, -575.124489488367",
        "dora, llama, -155.86172489579164, -580.1723263224418",
        "patterns, mistral, -733.4087506797454, -421.548119625698",
        "gpt2, gpt2, -256.9823998964636, -120.0707122555354"
    })
    void anAdapterOfPeftComputesAsThere(String name, String family, double chosen, double rejected) throws IOException {
        double[] logps = logps(family, adapter(name));
        assertThat(logps[0]).isCloseTo(chosen, within(1e-5 * -chosen));
        assertThat(logps[1]).isCloseTo(rejected, within(1e-5 * -rejected));
    }

    @ParameterizedTest
    @CsvSource({"lora, llama", "dora, llama", "patterns, mistral", "gpt2, gpt2"})
    void writtenAgainItIsTheSameAdapter(String name, String family) throws IOException {
        ModelFolder source = ModelFolder.open(adapter(name));
        try (TensorScope _ = new TensorScope()) {
            ModelWeights.Adapted adapted =
                    trainable(adapter(name)).weights().adapted().orElseThrow();
            AdapterWriter.write(adapted, source, folder, DType.F32);
        }
        assertThat(logps(family, folder)).isEqualTo(logps(family, adapter(name)));
        try (SafetensorsFile before = SafetensorsFile.open(adapter(name).resolve("adapter_model.safetensors"));
                SafetensorsFile after = SafetensorsFile.open(folder.resolve("adapter_model.safetensors"))) {
            assertThat(after.tensors().keySet())
                    .containsExactlyInAnyOrderElementsOf(before.tensors().keySet());
            after.tensors()
                    .keySet()
                    .forEach(tensor -> assertThat(after.data(tensor).mismatch(before.data(tensor)))
                            .as(tensor)
                            .isEqualTo(-1));
        }
    }

    @ParameterizedTest
    @CsvSource({"lora, llama", "dora, llama", "patterns, mistral", "gpt2, gpt2"})
    void mergedItIsAModelThatComputesTheSame(String name, String family) throws IOException {
        ModelFolder source = ModelFolder.open(adapter(name));
        try (TensorScope _ = new TensorScope()) {
            ModelWriter.write(
                    source.loadFrozen(Device.CPU, ComputeType.FLOAT32), source, folder.resolve("m"), Optional.empty());
        }
        double[] expected = logps(family, adapter(name));
        double[] actual = logps(family, folder.resolve("m"));
        assertThat(actual[0]).isCloseTo(expected[0], within(1e-5 * -expected[0]));
        assertThat(actual[1]).isCloseTo(expected[1], within(1e-5 * -expected[1]));
    }

    @Test
    void aNewAdapterChangesNothing() throws IOException {
        ModelFolder model = ModelFolder.open(Golden.of("llama3").policyFolder());
        for (boolean dora : new boolean[] {false, true}) {
            LoraSettings settings =
                    new LoraSettings(4, 8, 0, new LoraTargets.AllLinear(), true, dora, List.of("lm_head"));
            try (TensorScope _ = new TensorScope()) {
                CausalLm adapted = model.loadAdapted(
                        model.loadBase(Device.CPU, ComputeType.FLOAT32),
                        model.adapterToTrain(Optional.of(settings)).orElseThrow(),
                        3,
                        ComputeType.FLOAT32,
                        GradientStorage.WHOLE);
                double[] before = logps("llama3", Golden.of("llama3").policyFolder());
                double[] after = logps("llama3", adapted);
                // A length divided by itself is 1, but for rounding.
                assertThat(after[0]).isCloseTo(before[0], within(dora ? 1e-3 : 0));
                assertThat(after[1]).isCloseTo(before[1], within(dora ? 1e-3 : 0));
            }
        }
    }

    @Test
    void theFirstWeightsOfAAreUniformWithinOneByTheRootOfItsInputs() {
        ModelFolder model = ModelFolder.open(Path.of("src/test/resources/golden/llama/policy"));
        Adapter shape =
                model.adapterToTrain(Optional.of(settings("all-linear"))).orElseThrow();
        try (TensorScope _ = new TensorScope()) {
            CausalLm adapted = model.loadAdapted(
                    model.loadBase(Device.CPU, ComputeType.FLOAT32),
                    shape,
                    3,
                    ComputeType.FLOAT32,
                    GradientStorage.WHOLE);
            Tensor a = adapted.parameters().weight("model.layers.1.mlp.down_proj.lora_A.weight");
            double[] values = Tensors.toDoubles(a); // 4 x 128: bound 0.0884, its standard deviation bound / sqrt(3)
            double squares = 0;
            for (double value : values) {
                assertThat(Math.abs(value)).isLessThan(0.0884);
                squares += value * value;
            }
            assertThat(Math.sqrt(squares / values.length)).isCloseTo(0.0510, within(0.003));
            assertThat(Tensors.toDoubles(adapted.parameters().weight("model.layers.1.mlp.down_proj.lora_B.weight")))
                    .containsOnly(0);
        }
    }

    private static LoraSettings settings(String targets, String... saved) {
        return new LoraSettings(4, 8, 0, LoraTargets.parse(targets), false, false, List.of(saved));
    }

    private static List<String> targets(String family, String targets) throws IOException {
        return ModelFolder.open(Golden.of(family).policyFolder())
                .adapterToTrain(Optional.of(settings(targets)))
                .orElseThrow()
                .modules()
                .stream()
                .map(module -> module.linear().name())
                .toList();
    }

    @Test
    void targetsAreAllLinearLayersNamesOrAPattern() throws IOException {
        assertThat(targets("llama", "all-linear")).hasSize(14);
        assertThat(targets("gpt_neox", "all-linear")).hasSize(8);
        assertThat(targets("phi3", "qkv_proj,o_proj"))
                .containsExactly(
                        "model.layers.0.self_attn.qkv_proj",
                        "model.layers.0.self_attn.o_proj",
                        "model.layers.1.self_attn.qkv_proj",
                        "model.layers.1.self_attn.o_proj");
        assertThat(targets("llama", "model.layers.1.mlp.up_proj")).containsExactly("model.layers.1.mlp.up_proj");
        assertThat(targets("llama", ".*layers\\.0\\..*(q|v)_proj"))
                .containsExactly("model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.v_proj");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "z_proj | no linear layer 'z_proj'; it has down_proj, gate_proj",
                "q_proj,z_proj | no linear layer 'z_proj'",
                ".*nothing.* | no linear layer '.*nothing.*'",
                "lm_head | names the output head 'lm_head'; train it whole with --lora-modules-to-save lm_head",
                "(q | 'is no regular expression"
            })
    void aTargetThatTheModelLacksIsNamed(String targets, String says) {
        assertThatThrownBy(() -> targets("mistral", targets.strip()))
                .isInstanceOf(UserError.class)
                .hasMessageContaining(says.replace("'is", "is"));
    }

    @Test
    void aModuleToSaveThatTheModelLacksIsNamed() {
        assertThatThrownBy(() -> ModelFolder.open(Golden.of("llama").policyFolder())
                        .adapterToTrain(Optional.of(settings("all-linear", "score"))))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("no weights of 'score'; it has down_proj, embed_tokens");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "peft_type=IA3=only LORA adapters",
                "bias=all=train no biases",
                "target_parameters=[1]=is set, which is not supported",
                "use_qalora=true=is set, which is not supported",
                "init_lora_weights=pissa=which changes the base",
                "r=0=must be a whole number",
                "lora_alpha=-1=must be a number above 0",
                "lora_dropout=1.5=from 0 to below 1",
                "base_model_name_or_path=elsewhere/nowhere=is no folder here"
            })
    void whatIsNotSupportedIsNamed(String change) throws IOException {
        String[] parts = change.split("=", 3);
        Path broken = changed(config -> {
            try {
                config.set(parts[0], new ObjectMapper().readTree(quoted(parts[1])));
            } catch (IOException e) {
                throw new IllegalArgumentException(e);
            }
        });
        assertThatThrownBy(() -> ModelFolder.open(broken))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("adapter_config.json")
                .hasMessageContaining(parts[0])
                .hasMessageContaining(parts[2]);
    }

    private static String quoted(String value) {
        return value.matches("[a-zA-Z/][a-zA-Z0-9/]{2,}") && !value.equals("true") ? '"' + value + '"' : value;
    }

    private Path changed(Consumer<ObjectNode> change) throws IOException {
        Path copy = Files.createDirectories(folder.resolve("copy"));
        ObjectNode config = (ObjectNode) new ObjectMapper()
                .readTree(adapter("lora").resolve("adapter_config.json").toFile());
        config.put(
                "base_model_name_or_path",
                Golden.of("llama").policyFolder().toAbsolutePath().toString());
        change.accept(config);
        Files.writeString(copy.resolve("adapter_config.json"), config.toString());
        Files.copy(adapter("lora").resolve("adapter_model.safetensors"), copy.resolve("adapter_model.safetensors"));
        return copy;
    }

    @Test
    void anAdapterOfAnotherModelIsRefused() throws IOException {
        Path other = changed(config -> {
            try {
                config.put(
                        "base_model_name_or_path",
                        Golden.of("qwen3").policyFolder().toAbsolutePath().toString());
            } catch (IOException e) {
                throw new IllegalArgumentException(e);
            }
        });
        assertThatThrownBy(() -> ModelFolder.open(other).loadFrozen(Device.CPU, ComputeType.FLOAT32))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("adapter_model.safetensors")
                .hasMessageContaining("but the base model asks for");
    }

    @Test
    void aPickleIsNeverRead() throws IOException {
        Path pickled = changed(_ -> {});
        Files.move(pickled.resolve("adapter_model.safetensors"), pickled.resolve("adapter_model.bin"));
        assertThatThrownBy(() -> ModelFolder.open(pickled).loadFrozen(Device.CPU, ComputeType.FLOAT32))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("adapter_model.bin is a pickle");
    }

    @ParameterizedTest
    @CsvSource({
        "0, 8, 0, false, lora_r is 0",
        "4, 0, 0, false, lora_alpha is 0.0",
        "4, NaN, 0, false, lora_alpha is NaN",
        "4, 8, 1, false, lora_dropout is 1.0",
        "4, 8, 0.1, true, training with both is not supported"
    })
    void settingsThatAreNoneAreRefused(int rank, double alpha, double dropout, boolean dora, String says) {
        assertThatThrownBy(() -> new LoraSettings(
                                rank, alpha, dropout, new LoraTargets.AllLinear(), false, dora, List.of())
                        .requireTrainable())
                .isInstanceOf(UserError.class)
                .hasMessageContaining(says);
    }

    /** An adapter of a tied base whose embedding, head or both it replaces. */
    private static CausalLm replacing(ModelFolder model, String... saved) {
        Adapter shape =
                model.adapterToTrain(Optional.of(settings("q_proj", saved))).orElseThrow();
        CausalLm adapted = model.loadAdapted(
                model.loadBase(Device.CPU, ComputeType.FLOAT32), shape, 3, ComputeType.FLOAT32, GradientStorage.WHOLE);
        try (NoGrad _ = new NoGrad()) {
            for (TensorSpec tensor : shape.saved()) {
                adapted.parameters().weight(tensor.name()).mul_(new Scalar(1.1));
            }
        }
        return adapted;
    }

    @ParameterizedTest
    @ValueSource(strings = {"embed_tokens", "lm_head", "embed_tokens lm_head", "norm"})
    void whatIsTrainedWholeBesideATiedBaseIsWrittenReadAndMerged(String saved) throws IOException {
        ModelFolder model = ModelFolder.open(Golden.of("llama").policyFolder());
        double[] expected;
        try (TensorScope _ = new TensorScope()) {
            CausalLm adapted = replacing(model, saved.split(" ", -1));
            expected = logps("llama", adapted);
            Files.createDirectories(folder.resolve("a"));
            AdapterWriter.write(adapted.weights().adapted().orElseThrow(), model, folder.resolve("a"), DType.F32);
            ModelWriter.write(adapted, model, folder.resolve("m"), Optional.empty());
        }
        assertThat(logps("llama", folder.resolve("a"))).isEqualTo(expected);
        double[] merged = logps("llama", folder.resolve("m"));
        assertThat(merged[0]).isCloseTo(expected[0], within(1e-5 * -expected[0]));
        assertThat(merged[1]).isCloseTo(expected[1], within(1e-5 * -expected[1]));
        assertThat(expected).isNotEqualTo(logps("llama", Golden.of("llama").policyFolder()));
        assertThat(ModelFolder.open(folder.resolve("m")).settings().tied()).isEqualTo(saved.equals("norm"));
    }

    /** PEFT would take "norm" for every module whose name ends so. */
    @Test
    void modulesToSaveAreWrittenByTheirWholeNames() throws IOException {
        ModelFolder model = ModelFolder.open(Golden.of("llama").policyFolder());
        try (TensorScope _ = new TensorScope()) {
            ModelWeights.Adapted adapted =
                    replacing(model, "norm", "model.norm").weights().adapted().orElseThrow();
            assertThat(adapted.adapter().saved()).hasSize(1);
            AdapterWriter.write(adapted, model, folder, DType.F32);
        }
        assertThat(new ObjectMapper()
                        .readTree(folder.resolve("adapter_config.json").toFile())
                        .path("modules_to_save")
                        .toString())
                .isEqualTo("[\"model.norm\"]");
    }

    @Test
    void aPatternThatCouldBacktrackForHoursIsRefused() throws IOException {
        Path hostile = changed(config -> config.putObject("alpha_pattern").put("([a-z_.0-9]+)+!", 3));
        assertThatThrownBy(() -> ModelFolder.open(hostile).loadFrozen(Device.CPU, ComputeType.FLOAT32))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("alpha_pattern");
    }
}
