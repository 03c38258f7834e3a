package io.github.dpo4j.model;

import io.github.dpo4j.model.DecoderSettings.MlpKind;
import io.github.dpo4j.model.DecoderSettings.NormKind;

/** What Llama's descendants have in common: the keys of config.json, and what they mean. */
final class LlamaLike {
    private LlamaLike() {}

    /** Reads sizes, norm, activation and biases, which a family may replace; attention is left to it. */
    static DecoderSettings.Builder settings(ModelConfig config) {
        return settings(config, 1e-6);
    }

    /** As {@link #settings(ModelConfig)} with another epsilon where config.json has none. */
    static DecoderSettings.Builder settings(ModelConfig config, double epsilon) {
        return DecoderSettings.builder(
                        config.positive("vocab_size"),
                        config.positive("hidden_size"),
                        config.positive("num_attention_heads"),
                        headWidth(config),
                        config.positive("intermediate_size"))
                .keyValueHeads(DecoderSettings.keyValueHeads(config, "num_attention_heads", "num_key_value_heads"))
                .maxPositions(config.positive("max_position_embeddings", 2048))
                .norm(NormKind.RMS, config.positiveReal("rms_norm_eps", epsilon))
                .mlp(MlpKind.GATED, Activation.of(config, "hidden_act", "silu"))
                .tied(config.flag("tie_word_embeddings", false));
    }

    /** Returns head_dim, or what config.json implies without it. */
    static int headWidth(ModelConfig config) {
        return config.has("head_dim")
                ? config.positive("head_dim")
                : DecoderSettings.headWidth(config, "hidden_size", "num_attention_heads");
    }

    static int layers(ModelConfig config) {
        return config.layers("num_hidden_layers");
    }

    /** Returns rotary embedding on whole heads. */
    static Rotary rotary(ModelConfig config) {
        return Rotary.of(config, headWidth(config), "rope_theta");
    }
}
