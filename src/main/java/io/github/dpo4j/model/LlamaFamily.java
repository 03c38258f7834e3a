package io.github.dpo4j.model;

import io.github.dpo4j.model.DecoderSettings.AttentionScale;
import io.github.dpo4j.model.DecoderSettings.MlpKind;
import io.github.dpo4j.model.DecoderSettings.NormKind;
import io.github.dpo4j.model.DecoderSettings.ResidualKind;
import java.util.Set;

/** Llama 1, 2 and 3 (and what shares its layout: TinyLlama, SmolLM2, minimind2): {@code model_type} llama. */
record LlamaFamily() implements ModelFamily {
    @Override
    public String modelType() {
        return "llama";
    }

    @Override
    public DecoderSettings settings(ModelConfig config) {
        int width = config.positive("hidden_size");
        int heads = config.positive("num_attention_heads");
        int headWidth = config.has("head_dim")
                ? config.positive("head_dim")
                : DecoderSettings.headWidth(config, "hidden_size", "num_attention_heads");
        boolean attentionBias = config.flag("attention_bias", false);
        return new DecoderSettings(
                config.positive("vocab_size"),
                width,
                config.positive("num_hidden_layers"),
                heads,
                DecoderSettings.keyValueHeads(config, "num_attention_heads", "num_key_value_heads"),
                headWidth,
                config.positive("intermediate_size"),
                config.positive("max_position_embeddings", 2048),
                Positions.rotary(config, headWidth, "rope_theta"),
                NormKind.RMS,
                config.positiveReal("rms_norm_eps", 1e-6),
                MlpKind.GATED,
                Activation.of(config, "hidden_act", "silu"),
                ResidualKind.SEQUENTIAL,
                Linear.Layout.OUT_IN,
                AttentionScale.USUAL,
                attentionBias,
                attentionBias,
                config.flag("mlp_bias", false),
                config.flag("tie_word_embeddings", false));
    }

    @Override
    public WeightNames names(DecoderSettings settings, Set<String> present) {
        return new WeightNames(
                "model.embed_tokens",
                null,
                "model.layers.%d.",
                "input_layernorm",
                new WeightNames.QkvNames.Separate("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
                "self_attn.o_proj",
                "post_attention_layernorm",
                "mlp.gate_proj",
                "mlp.up_proj",
                "mlp.down_proj",
                "model.norm",
                "lm_head");
    }

    @Override
    public boolean isBuffer(String name) {
        return name.endsWith("rotary_emb.inv_freq");
    }
}
