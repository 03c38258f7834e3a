package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import io.github.dpo4j.model.DecoderSettings.AttentionScale;
import io.github.dpo4j.model.DecoderSettings.MlpKind;
import io.github.dpo4j.model.DecoderSettings.NormKind;
import io.github.dpo4j.model.DecoderSettings.ResidualKind;
import java.util.List;
import java.util.Set;

/**
 * Gemma 3 for text: {@code model_type} gemma3_text. Five layers with a sliding window for one without, each kind with its own
 * rotary base; a norm before and after attention and MLP, and over heads; scaled embeddings.
 */
record Gemma3Family() implements ModelFamily {
    @Override
    public String modelType() {
        return "gemma3_text";
    }

    @Override
    public DecoderSettings settings(ModelConfig config) {
        for (String key : List.of("attn_logit_softcapping", "final_logit_softcapping")) {
            if (config.has(key)) {
                throw new UserError(config.where(key) + " is set; soft-capped logits are not supported");
            }
        }
        if (config.flag("use_bidirectional_attention", false)) {
            throw new UserError(config.where("use_bidirectional_attention")
                    + " is true; only models that predict the next token are supported");
        }
        int layers = LlamaLike.layers(config);
        int pattern = config.positive("sliding_window_pattern", config.positive("_sliding_window_pattern", 6));
        boolean attentionBias = config.flag("attention_bias", false);
        return LlamaLike.settings(config)
                .attention(LayerAttention.byType(
                        config, layers, layer -> (layer + 1) % pattern != 0, sliding(config), full(config)))
                .headNorms()
                .attentionScale(AttentionScale.dividingByRootOf(config.positiveReal("query_pre_attn_scalar", 256)))
                .embeddingScale(Math.sqrt(config.positive("hidden_size")))
                .norm(NormKind.RMS_FROM_ONE, config.positiveReal("rms_norm_eps", 1e-6))
                .mlp(MlpKind.GATED, Activation.of(config, "hidden_activation", "gelu_pytorch_tanh"))
                .residual(ResidualKind.SANDWICH)
                .biases(attentionBias, attentionBias, false)
                .tied(config.flag("tie_word_embeddings", true))
                .build();
    }

    private static LayerAttention sliding(ModelConfig config) {
        ModelConfig rope = config.inside("rope_parameters").inside("sliding_attention");
        double theta = config.positiveReal("rope_local_base_freq", 10_000);
        return LayerAttention.sliding(
                config.positive("sliding_window", 4096), Rotary.of(config, rope, LlamaLike.headWidth(config), theta));
    }

    private static LayerAttention full(ModelConfig config) {
        ModelConfig rope = config.has("rope_parameters")
                ? config.inside("rope_parameters").inside("full_attention")
                : config.inside("rope_scaling");
        double theta = config.positiveReal("rope_theta", 1_000_000);
        return LayerAttention.full(Rotary.of(config, rope, LlamaLike.headWidth(config), theta));
    }

    @Override
    public WeightNames names(DecoderSettings settings, Set<String> present) {
        return WeightNames.llama()
                .with(new WeightNames.HeadNorms("self_attn.q_norm", "self_attn.k_norm"))
                .withSandwich("post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm");
    }
}
