package io.github.dpo4j.model;

import java.util.Set;

/** Qwen 3: {@code model_type} qwen3. Llama with a norm over each head of queries and keys. */
record Qwen3Family() implements ModelFamily {
    @Override
    public String modelType() {
        return "qwen3";
    }

    @Override
    public DecoderSettings settings(ModelConfig config) {
        boolean attentionBias = config.flag("attention_bias", false);
        return LlamaLike.settings(config)
                .attention(LayerAttention.fromALayerOn(config, LlamaLike.layers(config), LlamaLike.rotary(config)))
                .headNorms()
                .biases(attentionBias, attentionBias, false)
                .build();
    }

    @Override
    public WeightNames names(DecoderSettings settings, Set<String> present) {
        return WeightNames.llama().with(new WeightNames.HeadNorms("self_attn.q_norm", "self_attn.k_norm"));
    }
}
