package io.github.dpo4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.golden.Variant;
import io.github.dpo4j.golden.Variant.Stored;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every broken folder is one sentence that names the file and the tensor or key. */
class BrokenModelsTest {
    @TempDir
    Path folder;

    private void assertRefused(
            String family, Consumer<ObjectNode> config, Consumer<Map<String, Stored>> weights, String... words)
            throws IOException {
        Path model = Variant.write(family, folder.resolve("broken"), config, weights);
        assertRefused(model, words);
    }

    private static void assertRefused(Path model, String... words) {
        Throwable thrown = catchThrowable(() -> {
            try (TensorScope _ = new TensorScope()) {
                ModelFolder.open(model).loadTrainable(Device.CPU, ComputeType.FLOAT32);
            }
        });
        assertThat(thrown).isInstanceOf(UserError.class).hasMessageContaining(model.toString());
        assertThat(thrown.getMessage()).contains(words).doesNotContain("\n");
    }

    @Test
    void anUnknownModelType() throws IOException {
        assertRefused(
                "llama",
                c -> c.put("model_type", "mamba"),
                _ -> {},
                "config.json: 'model_type' is 'mamba'",
                "llama, gpt2, gpt_neox");
    }

    @Test
    void noModelType() throws IOException {
        assertRefused("llama", c -> c.remove("model_type"), _ -> {}, "config.json has no 'model_type'");
    }

    @Test
    void aMissingTensor() throws IOException {
        assertRefused(
                "llama",
                _ -> {},
                weights -> weights.remove("model.layers.1.mlp.up_proj.weight"),
                "tensor 'model.layers.1.mlp.up_proj.weight' is missing",
                "[128, 64]");
    }

    @Test
    void aSurplusTensor() throws IOException {
        assertRefused(
                "gpt_neox",
                _ -> {},
                weights -> weights.put("gpt_neox.layers.7.extra.weight", Stored.vector(3, i -> i)),
                "tensor 'gpt_neox.layers.7.extra.weight' has no place");
    }

    @Test
    void aTensorOfAnotherShape() throws IOException {
        assertRefused(
                "gpt2",
                _ -> {},
                weights -> weights.put("transformer.ln_f.weight", Stored.vector(63, _ -> 1)),
                "tensor 'transformer.ln_f.weight' has shape [63]",
                "[64]");
    }

    @Test
    void aNaNAmongTheWeights() throws IOException {
        assertRefused(
                "llama",
                _ -> {},
                weights -> Objects.requireNonNull(weights.get("model.layers.0.mlp.gate_proj.weight"))
                                .values()[77] =
                        Float.NaN,
                "tensor 'model.layers.0.mlp.gate_proj.weight' holds NaN or infinite weights");
    }

    @Test
    void anInfiniteNorm() throws IOException {
        assertRefused(
                "gpt2",
                _ -> {},
                weights -> Objects.requireNonNull(weights.get("transformer.h.0.ln_1.bias"))
                                .values()[0] =
                        Float.NEGATIVE_INFINITY,
                "tensor 'transformer.h.0.ln_1.bias' holds NaN or infinite weights");
    }

    @Test
    void aTiedHeadThatDiffersFromTheEmbedding() throws IOException {
        assertRefused(
                "llama",
                _ -> {},
                weights -> weights.put(
                        "lm_head.weight",
                        new Stored(
                                List.of(768L, 64L),
                                Stored.vector(768 * 64, i -> i).values())),
                "tie_word_embeddings",
                "'lm_head.weight' differs from 'model.embed_tokens.weight'");
    }

    @Test
    void headsThatDoNotDivideTheWidth() throws IOException {
        assertRefused("gpt2", c -> c.put("n_head", 5), _ -> {}, "config.json", "'n_embd' is 64", "'n_head' is 5");
    }

    @Test
    void keyValueHeadsThatDoNotDivideTheHeads() throws IOException {
        assertRefused(
                "llama",
                c -> c.put("num_key_value_heads", 3),
                _ -> {},
                "config.json",
                "'num_key_value_heads' is 3",
                "'num_attention_heads' is 4");
    }

    @Test
    void logitsThatGemmaCaps() throws IOException {
        assertRefused(
                "gemma3",
                c -> c.put("final_logit_softcapping", 30),
                _ -> {},
                "config.json",
                "'final_logit_softcapping' is set",
                "not supported");
    }

    @Test
    void aKindOfLayerThatNobodyKnows() throws IOException {
        assertRefused(
                "qwen3",
                c -> c.putArray("layer_types").add("full_attention").add("chunked_attention"),
                _ -> {},
                "'layer_types' names 'chunked_attention'",
                "sliding_attention");
    }

    @Test
    void oneKindForTwoLayers() throws IOException {
        assertRefused(
                "qwen3",
                c -> c.putArray("layer_types").add("full_attention"),
                _ -> {},
                "'layer_types' has 1 entries for 2 layers");
    }

    @Test
    void anUnknownRopeType() throws IOException {
        assertRefused(
                "llama",
                c -> ((ObjectNode) c.path("rope_parameters")).put("rope_type", "spiral"),
                _ -> {},
                "config.json",
                "'rope_type' is 'spiral'",
                "default, linear, llama3");
    }

    @Test
    void ropeScalingWithoutItsFactor() throws IOException {
        assertRefused(
                "llama",
                c -> ((ObjectNode) c.path("rope_parameters")).put("rope_type", "linear"),
                _ -> {},
                "config.json",
                "linear rope scaling needs 'factor'");
    }

    @Test
    void ropeScalingThatIsNoObject() throws IOException {
        assertRefused(
                "llama",
                c -> {
                    c.remove("rope_parameters");
                    c.put("rope_scaling", "linear");
                },
                _ -> {},
                "config.json: 'rope_scaling' must be an object");
    }

    @Test
    void anUnknownActivation() throws IOException {
        assertRefused(
                "gpt_neox", c -> c.put("hidden_act", "mish"), _ -> {}, "config.json: 'hidden_act' is 'mish'", "silu");
    }

    @Test
    void aConfigWithoutARequiredKeyOrWithAWordForANumber() throws IOException {
        assertRefused("llama", c -> c.remove("hidden_size"), _ -> {}, "config.json has no 'hidden_size'");
    }

    @Test
    void aWordWhereANumberShouldBe() throws IOException {
        assertRefused(
                "llama",
                c -> c.put("num_hidden_layers", "two"),
                _ -> {},
                "config.json: 'num_hidden_layers' must be a whole number");
    }

    @Test
    void aFolderWithoutConfigAndAConfigThatIsNoJson() throws IOException {
        Path empty = Files.createDirectories(folder.resolve("empty"));
        assertRefused(empty, "has no config.json");
        Files.writeString(empty.resolve("config.json"), "{\"model_type\": ");
        assertRefused(empty, "config.json is not valid JSON");
    }
}
