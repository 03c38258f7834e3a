package io.github.dpo4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.golden.Variant;
import io.github.dpo4j.golden.Variant.Stored;
import io.github.dpo4j.logprob.TokenLogps;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Folders that say the same in other words, and settings the goldens lack. Numbers are the logps of pair 0 under transformers
 * 5.17 in float32: the golden's folder copied, config.json and weights changed as the test does,
 * AutoModelForCausalLM.from_pretrained(folder, dtype=float32, attn_implementation="eager"), log_softmax in float64 summed over
 * the completion.
 */
class ModelVariantsTest {
    @TempDir
    Path folder;

    private static double[] logps(String family, Path model) throws IOException {
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            CausalLm policy = ModelFolder.open(model).loadFrozen(Device.CPU, ComputeType.FLOAT32);
            PreferenceBatch batch =
                    PreferenceBatch.of(Golden.of(family).pairs(1000, 1000).subList(0, 1));
            return Tensors.toDoubles(TokenLogps.sums(policy, batch.tokens()));
        }
    }

    private static double[] golden(String family) throws IOException {
        return logps(family, Golden.of(family).policyFolder());
    }

    private static void assertLogps(double[] actual, double chosen, double rejected) {
        assertThat(actual[0]).isCloseTo(chosen, within(1e-5 * -chosen));
        assertThat(actual[1]).isCloseTo(rejected, within(1e-5 * -rejected));
    }

    @Test
    void theUnchangedPolicyHasTheLogpsOfTheScript() throws IOException {
        assertLogps(golden("llama"), -157.37977396192431, -577.9793306659167);
        assertLogps(golden("gpt_neox"), -512.7674803350899, -559.6784118413652);
        assertLogps(golden("gpt2"), -258.1670765295884, -119.55584627794681);
    }

    @Test
    void llamaWithBiasesOnAttentionAndMlp() throws IOException {
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
        assertLogps(logps("llama", model), -155.4144089003289, -583.7869337727664);
    }

    @Test
    void ropeThetaAndLinearScalingUnderTheirOldKeys() throws IOException {
        Path model = Variant.write("llama", folder.resolve("m"), c -> oldRope(c, 50_000, "linear", 4), _ -> {});
        assertLogps(logps("llama", model), -157.05334035666164, -578.001942910658);
    }

    private static void oldRope(ObjectNode config, double theta, String type, double factor) {
        config.remove("rope_parameters");
        config.put("rope_theta", theta)
                .putObject("rope_scaling")
                .put("type", type)
                .put("factor", factor);
    }

    @Test
    void llama3ScalingUnderItsOldKeysIsTheSameModel() throws IOException {
        Path model = Variant.write(
                "llama3",
                folder.resolve("m"),
                c -> {
                    ObjectNode rope = (ObjectNode) c.remove("rope_parameters");
                    c.set("rope_theta", rope.remove("rope_theta"));
                    c.set("rope_scaling", rope);
                },
                _ -> {});
        assertThat(logps("llama3", model)).isEqualTo(golden("llama3"));
    }

    @Test
    void anotherActivation() throws IOException {
        Path model = Variant.write("llama", folder.resolve("m"), c -> c.put("hidden_act", "relu"), _ -> {});
        assertLogps(logps("llama", model), -156.37480475267245, -579.0148831552614);
    }

    @Test
    void gptNeoxWithAttentionBeforeTheMlp() throws IOException {
        Path model =
                Variant.write("gpt_neox", folder.resolve("m"), c -> c.put("use_parallel_residual", false), _ -> {});
        assertLogps(logps("gpt_neox", model), -513.9550245669202, -558.1345853662381);
    }

    @Test
    void gptNeoxsOldRotaryKeys() throws IOException {
        Path model = Variant.write(
                "gpt_neox",
                folder.resolve("m"),
                c -> {
                    c.remove("rope_parameters");
                    c.put("rotary_pct", 0.5).put("rotary_emb_base", 5000);
                },
                _ -> {});
        assertLogps(logps("gpt_neox", model), -512.6274978843136, -559.7291773925426);
    }

    @Test
    void gptNeoxsHeadUnderEitherName() throws IOException {
        boolean newName =
                ModelFolder.open(Golden.of("gpt_neox").policyFolder()).layout().files().getFirst().tensors().stream()
                        .anyMatch(tensor -> tensor.name().equals("lm_head.weight"));
        String from = newName ? "lm_head.weight" : "embed_out.weight";
        String to = newName ? "embed_out.weight" : "lm_head.weight";
        Path model = Variant.write(
                "gpt_neox",
                folder.resolve("m"),
                _ -> {},
                weights -> weights.put(to, Objects.requireNonNull(weights.remove(from))));
        assertThat(logps("gpt_neox", model)).isEqualTo(golden("gpt_neox"));
    }

    @Test
    void gpt2ScaledByTheInverseLayer() throws IOException {
        Path model = Variant.write(
                "gpt2", folder.resolve("m"), c -> c.put("scale_attn_by_inverse_layer_idx", true), _ -> {});
        assertLogps(logps("gpt2", model), -258.15446222004744, -119.51103098828098);
    }

    @Test
    void gpt2NamesWithoutTransformerAndMasksAmongTheWeights() throws IOException {
        Path model = Variant.write("gpt2", folder.resolve("m"), _ -> {}, weights -> {
            Map<String, Stored> renamed = new LinkedHashMap<>();
            weights.forEach((name, stored) -> renamed.put(name.replaceFirst("^transformer\\.", ""), stored));
            weights.clear();
            weights.putAll(renamed);
            weights.put("h.0.attn.bias", new Stored(List.of(1L, 1L, 2L, 2L), new float[] {1, 0, 1, 1}));
            weights.put("h.0.attn.masked_bias", new Stored(List.of(), new float[] {-10000}));
        });
        assertThat(logps("gpt2", model)).isEqualTo(golden("gpt2"));
    }

    @Test
    void aTiedHeadThatTheFileHoldsTooIsRead() throws IOException {
        Path model = Variant.write(
                "llama",
                folder.resolve("m"),
                _ -> {},
                weights -> weights.put(
                        "lm_head.weight", Objects.requireNonNull(weights.get("model.embed_tokens.weight"))));
        assertThat(logps("llama", model)).isEqualTo(golden("llama"));
    }

    private Path variant(String family, Consumer<ObjectNode> config) throws IOException {
        return Variant.write(family, folder.resolve("m"), config, _ -> {});
    }

    /** A layer that knows no positions behind one that does. */
    @Test
    void smolLm3WhoseSecondLayerHasNoRotary() throws IOException {
        Path model = variant(
                "llama",
                c -> c.put("model_type", "smollm3")
                        .putArray("no_rope_layers")
                        .add(1)
                        .add(0));
        assertLogps(logps("llama", model), -157.3741290378258, -577.7717331085242);
    }

    @Test
    void smolLm3WhoseLayersWithoutRotarySeeAWindow() throws IOException {
        Path model = variant(
                "llama",
                c -> c.put("model_type", "smollm3")
                        .put("no_rope_layer_interval", 2)
                        .put("use_sliding_window", true)
                        .put("sliding_window", 20));
        assertLogps(logps("llama", model), -156.96423562409646, -575.2153367570987);
    }

    @Test
    void qwen2WhoseUpperLayerSlides() throws IOException {
        Path model = variant("qwen2", c -> {
            c.put("use_sliding_window", true).put("sliding_window", 24).put("max_window_layers", 1);
            c.remove("layer_types");
        });
        assertLogps(logps("qwen2", model), -662.4006015083357, -286.1189198870924);
    }

    @Test
    void gemma3UnderItsOldKeys() throws IOException {
        Path model = variant("gemma3", c -> {
            c.remove(List.of("rope_parameters", "layer_types", "_sliding_window_pattern"));
            c.put("rope_local_base_freq", 20_000).put("sliding_window_pattern", 2);
            oldRope(c, 500_000, "linear", 8);
        });
        assertLogps(logps("gemma3", model), -503.83302730874004, -573.8113796143366);
    }

    @Test
    void phi3WithLongRopeOnHalfOfEachHeadAndAWindow() throws IOException {
        Path model = variant("phi3", c -> {
            ObjectNode rope = c.putObject("rope_parameters");
            rope.put("rope_type", "longrope").put("rope_theta", 10_000.0).put("partial_rotary_factor", 0.5);
            rope.putArray("short_factor").add(1.0).add(1.1).add(1.3).add(1.7);
            rope.putArray("long_factor").add(2.0).add(3.0).add(4.0).add(5.0);
            rope.put("original_max_position_embeddings", 512);
            c.put("max_position_embeddings", 4096).put("original_max_position_embeddings", 512);
            c.put("sliding_window", 40);
        });
        assertLogps(logps("phi3", model), -421.2202290463078, -240.34356039002384);
        assertThat(ModelFolder.open(model).settings().positionLimit()).hasValue(512);
    }

    @Test
    void qwen3WithYarn() throws IOException {
        Path model = variant(
                "qwen3",
                c -> c.putObject("rope_parameters")
                        .put("rope_type", "yarn")
                        .put("rope_theta", 10_000.0)
                        .put("factor", 4.0)
                        .put("original_max_position_embeddings", 256));
        assertLogps(logps("qwen3", model), -190.71047900605612, -107.08427979738025);
    }

    @Test
    void aWindowThatIsNullIsNone() throws IOException {
        assertLogps(
                logps("mistral", variant("mistral", c -> c.putNull("sliding_window"))),
                -729.5383479467896,
                -423.4463335892749);
    }
}
