package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import io.github.dpo4j.model.DecoderSettings.AttentionScale;
import io.github.dpo4j.model.DecoderSettings.MlpKind;
import io.github.dpo4j.model.DecoderSettings.NormKind;
import io.github.dpo4j.model.DecoderSettings.ResidualKind;
import java.util.Set;

/** GPT-2: {@code model_type} gpt2. Its matrices lie as [in, out]; files have names with or without "transformer.". */
record Gpt2Family() implements ModelFamily {
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
        return new DecoderSettings(
                config.positive("vocab_size"),
                width,
                config.positive("n_layer"),
                heads,
                heads,
                DecoderSettings.headWidth(config, "n_embd", "n_head"),
                config.positive("n_inner", 4 * width),
                positions,
                new Positions.Learned(positions),
                NormKind.LAYER,
                config.positiveReal("layer_norm_epsilon", 1e-5),
                MlpKind.PLAIN,
                Activation.of(config, "activation_function", "gelu_new"),
                ResidualKind.SEQUENTIAL,
                Linear.Layout.IN_OUT,
                new AttentionScale(
                        config.flag("scale_attn_weights", true), config.flag("scale_attn_by_inverse_layer_idx", false)),
                true,
                true,
                true,
                config.flag("tie_word_embeddings", true));
    }

    @Override
    public WeightNames names(DecoderSettings settings, Set<String> present) {
        String prefix = present.contains("wte.weight") ? "" : "transformer.";
        return new WeightNames(
                prefix + "wte",
                prefix + "wpe",
                prefix + "h.%d.",
                "ln_1",
                new WeightNames.QkvNames.FusedBlocks("attn.c_attn"),
                "attn.c_proj",
                "ln_2",
                null,
                "mlp.c_fc",
                "mlp.c_proj",
                prefix + "ln_f",
                "lm_head");
    }

    @Override
    public boolean isBuffer(String name) {
        return name.endsWith(".attn.bias") || name.endsWith(".attn.masked_bias");
    }
}
