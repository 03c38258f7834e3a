package io.github.dpo4j.model;

import io.github.dpo4j.model.DecoderSettings.MlpKind;
import io.github.dpo4j.model.DecoderSettings.NormKind;
import io.github.dpo4j.model.DecoderSettings.ResidualKind;
import java.util.Optional;
import java.util.Set;

/** GPT-NeoX and Pythia: {@code model_type} gpt_neox. Rotary on a part of each head, parallel residual by default. */
record GptNeoxFamily() implements ModelFamily {
    @Override
    public String modelType() {
        return "gpt_neox";
    }

    @Override
    public DecoderSettings settings(ModelConfig config) {
        int width = config.positive("hidden_size");
        int heads = config.positive("num_attention_heads");
        int headWidth = DecoderSettings.headWidth(config, "hidden_size", "num_attention_heads");
        double rotaryShare = config.inside("rope_parameters")
                .positiveReal("partial_rotary_factor", config.positiveReal("rotary_pct", 0.25));
        boolean attentionBias = config.flag("attention_bias", true);
        LayerAttention attention =
                LayerAttention.full(Rotary.of(config, (int) (headWidth * rotaryShare), "rotary_emb_base"));
        return DecoderSettings.builder(
                        config.positive("vocab_size"), width, heads, headWidth, config.positive("intermediate_size"))
                .maxPositions(config.positive("max_position_embeddings", 2048))
                .attention(LayerAttention.all(config.layers("num_hidden_layers"), attention))
                .norm(NormKind.LAYER, config.positiveReal("layer_norm_eps", 1e-5))
                .mlp(MlpKind.PLAIN, Activation.of(config, "hidden_act", "gelu"))
                .residual(config.flag("use_parallel_residual", true) ? ResidualKind.PARALLEL : ResidualKind.SEQUENTIAL)
                .biases(attentionBias, attentionBias, true)
                .tied(config.flag("tie_word_embeddings", false))
                .build();
    }

    @Override
    public WeightNames names(DecoderSettings settings, Set<String> present) {
        return new WeightNames(
                "gpt_neox.embed_in",
                null,
                "gpt_neox.layers.%d.",
                "input_layernorm",
                new WeightNames.QkvNames.FusedPerHead("attention.query_key_value"),
                Optional.empty(),
                "attention.dense",
                null,
                "post_attention_layernorm",
                new WeightNames.MlpNames.Plain("mlp.dense_h_to_4h"),
                "mlp.dense_4h_to_h",
                null,
                "gpt_neox.final_layer_norm",
                // transformers writes embed_out; a model saved under its newer parameter name has lm_head.
                present.contains("lm_head.weight") ? "lm_head" : "embed_out");
    }

    /** Whatever the files call it, transformers' module is lm_head. */
    @Override
    public String tensorName(String module, WeightNames names) {
        return module.replaceFirst("^lm_head(?=\\.|$)", String.valueOf(names.head()));
    }

    @Override
    public String moduleName(String tensor, WeightNames names) {
        return tensor.replaceFirst("^embed_out(?=\\.|$)", "lm_head");
    }

    @Override
    public boolean isBuffer(String name) {
        return name.endsWith(".attention.bias")
                || name.endsWith(".attention.masked_bias")
                || name.endsWith("rotary_emb.inv_freq");
    }
}
