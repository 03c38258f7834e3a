package io.github.dpo4j.model;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/** Mistral 7B and its kin: {@code model_type} mistral. Llama whose attention may see a window only. */
record MistralFamily() implements ModelFamily {
    @Override
    public String modelType() {
        return "mistral";
    }

    @Override
    public DecoderSettings settings(ModelConfig config) {
        LayerAttention attention = new LayerAttention(window(config), Optional.of(LlamaLike.rotary(config)));
        return LlamaLike.settings(config)
                .attention(LayerAttention.all(LlamaLike.layers(config), attention))
                .build();
    }

    /** A config that says nothing of it means 4096; null means none. */
    private static OptionalInt window(ModelConfig config) {
        return config.isNull("sliding_window")
                ? OptionalInt.empty()
                : OptionalInt.of(config.positive("sliding_window", 4096));
    }

    @Override
    public WeightNames names(DecoderSettings settings, Set<String> present) {
        return WeightNames.llama();
    }
}
