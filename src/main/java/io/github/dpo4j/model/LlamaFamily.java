package io.github.dpo4j.model;

import java.util.Set;

/** Llama 1, 2 and 3 (and what shares its layout: TinyLlama, SmolLM2, minimind2): {@code model_type} llama. */
record LlamaFamily() implements ModelFamily {
    @Override
    public String modelType() {
        return "llama";
    }

    @Override
    public DecoderSettings settings(ModelConfig config) {
        LayerAttention attention = LayerAttention.full(LlamaLike.rotary(config));
        boolean attentionBias = config.flag("attention_bias", false);
        return LlamaLike.settings(config)
                .attention(LayerAttention.all(LlamaLike.layers(config), attention))
                .biases(attentionBias, attentionBias, config.flag("mlp_bias", false))
                .build();
    }

    @Override
    public WeightNames names(DecoderSettings settings, Set<String> present) {
        return WeightNames.llama();
    }
}
