package io.github.dpo4j.model;

import java.util.Set;

/** Qwen 2 and 2.5: {@code model_type} qwen2. Llama with biases on queries, keys and values. */
record Qwen2Family() implements ModelFamily {
    @Override
    public String modelType() {
        return "qwen2";
    }

    @Override
    public DecoderSettings settings(ModelConfig config) {
        return LlamaLike.settings(config)
                .attention(LayerAttention.fromALayerOn(config, LlamaLike.layers(config), LlamaLike.rotary(config)))
                .biases(true, false, false)
                .build();
    }

    @Override
    public WeightNames names(DecoderSettings settings, Set<String> present) {
        return WeightNames.llama();
    }
}
