package io.github.dpo4j.model;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/** Phi-3 and Phi-3.5: {@code model_type} phi3. Llama with one matrix for queries, keys and values, and one for gate and up. */
record Phi3Family() implements ModelFamily {
    @Override
    public String modelType() {
        return "phi3";
    }

    @Override
    public DecoderSettings settings(ModelConfig config) {
        ModelConfig rope = config.inside("rope_parameters");
        double share = rope.positiveReal("partial_rotary_factor", config.positiveReal("partial_rotary_factor", 1));
        Rotary rotary = Rotary.of(config, (int) (LlamaLike.headWidth(config) * share), "rope_theta");
        OptionalInt window =
                config.has("sliding_window") ? OptionalInt.of(config.positive("sliding_window")) : OptionalInt.empty();
        LayerAttention attention = new LayerAttention(window, Optional.of(rotary));
        return LlamaLike.settings(config, 1e-5)
                .attention(LayerAttention.all(LlamaLike.layers(config), attention))
                .build();
    }

    @Override
    public WeightNames names(DecoderSettings settings, Set<String> present) {
        return WeightNames.llama()
                .with(
                        new WeightNames.QkvNames.FusedBlocks("self_attn.qkv_proj"),
                        new WeightNames.MlpNames.FusedGated("mlp.gate_up_proj"));
    }
}
