package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import io.github.dpo4j.model.DecoderSettings.AttentionScale;
import io.github.dpo4j.model.DecoderSettings.MlpKind;
import io.github.dpo4j.model.DecoderSettings.NormKind;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/** GPT-2: {@code model_type} gpt2. Its matrices lie as [in, out]; files have names with or without "transformer.". */
record Gpt2Family() implements ModelFamily {
    private static final String PREFIX = "transformer.";

    @Override
    public String modelType() {
        return "gpt2";
    }

    @Override
    public DecoderSettings settings(ModelConfig config) {
        int width = config.positive("n_embd");
        int heads = config.positive("n_head");
        int positions = config.positive("n_positions", 1024);
        if (config.flag("add_cross_attention", false)) {
            throw new UserError(
                    config.where("add_cross_attention") + " is true; only decoders without an encoder are supported");
        }
        int headWidth = DecoderSettings.headWidth(config, "n_embd", "n_head");
        double scale = config.flag("scale_attn_weights", true) ? 1 / Math.sqrt(headWidth) : 1;
        LayerAttention attention = new LayerAttention(OptionalInt.empty(), Optional.empty());
        return DecoderSettings.builder(
                        config.positive("vocab_size"), width, heads, headWidth, config.positive("n_inner", 4 * width))
                .maxPositions(positions)
                .learnedPositions(positions)
                .attention(LayerAttention.all(config.layers("n_layer"), attention))
                .attentionScale(new AttentionScale(scale, config.flag("scale_attn_by_inverse_layer_idx", false)))
                .norm(NormKind.LAYER, config.positiveReal("layer_norm_epsilon", 1e-5))
                .mlp(MlpKind.PLAIN, Activation.of(config, "activation_function", "gelu_new"))
                .linears(Linear.Layout.IN_OUT)
                .biases(true, true, true)
                .tied(config.flag("tie_word_embeddings", true))
                .build();
    }

    @Override
    public WeightNames names(DecoderSettings settings, Set<String> present) {
        String prefix = present.contains("wte.weight") ? "" : PREFIX;
        return new WeightNames(
                prefix + "wte",
                prefix + "wpe",
                prefix + "h.%d.",
                "ln_1",
                new WeightNames.QkvNames.FusedBlocks("attn.c_attn"),
                Optional.empty(),
                "attn.c_proj",
                null,
                "ln_2",
                new WeightNames.MlpNames.Plain("mlp.c_fc"),
                "mlp.c_proj",
                null,
                prefix + "ln_f",
                "lm_head");
    }

    @Override
    public String tensorName(String module, WeightNames names) {
        return isShort(names) && module.startsWith(PREFIX) ? module.substring(PREFIX.length()) : module;
    }

    @Override
    public String moduleName(String tensor, WeightNames names) {
        return isShort(names) && !tensor.startsWith("lm_head") ? PREFIX + tensor : tensor;
    }

    private static boolean isShort(WeightNames names) {
        return !names.embedding().startsWith(PREFIX);
    }

    @Override
    public boolean isBuffer(String name) {
        return name.endsWith(".attn.bias") || name.endsWith(".attn.masked_bias");
    }
}
