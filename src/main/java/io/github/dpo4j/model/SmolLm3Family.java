package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** SmolLM3: {@code model_type} smollm3. Llama in which every fourth layer's attention knows no positions (NoPE). */
record SmolLm3Family() implements ModelFamily {
    private static final String ROTARY_LAYERS = "no_rope_layers";

    @Override
    public String modelType() {
        return "smollm3";
    }

    @Override
    public DecoderSettings settings(ModelConfig config) {
        boolean attentionBias = config.flag("attention_bias", false);
        return LlamaLike.settings(config)
                .attention(attention(config))
                .biases(attentionBias, attentionBias, config.flag("mlp_bias", false))
                .tied(config.flag("tie_word_embeddings", true))
                .build();
    }

    private static List<LayerAttention> attention(ModelConfig config) {
        int layers = LlamaLike.layers(config);
        LayerAttention full =
                LayerAttention.full(Rotary.of(config, LlamaLike.headWidth(config), "rope_theta", 2_000_000));
        boolean windows = config.flag("use_sliding_window", false) && config.has("sliding_window");
        LayerAttention sliding = windows
                ? LayerAttention.sliding(
                        config.positive("sliding_window"), full.rotary().orElseThrow())
                : full;
        List<Boolean> turning = turning(config, layers);
        List<LayerAttention> byType =
                LayerAttention.byType(config, layers, layer -> windows && !turning.get(layer), sliding, full);
        List<LayerAttention> all = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            LayerAttention attention = byType.get(layer);
            all.add(turning.get(layer) ? attention : attention.withoutRotary());
        }
        return all;
    }

    /** The key's name notwithstanding, a layer has rotary embedding where its entry is 1. */
    private static List<Boolean> turning(ModelConfig config, int layers) {
        List<Boolean> turning = config.bits(ROTARY_LAYERS);
        if (!config.has(ROTARY_LAYERS)) {
            int interval = config.positive("no_rope_layer_interval", 4);
            for (int layer = 0; layer < layers; layer++) {
                turning.add((layer + 1) % interval != 0);
            }
        }
        if (turning.size() < layers) {
            throw new UserError(
                    config.where(ROTARY_LAYERS) + " has " + turning.size() + " entries for " + layers + " layers");
        }
        return turning;
    }

    @Override
    public WeightNames names(DecoderSettings settings, Set<String> present) {
        return WeightNames.llama();
    }
}
