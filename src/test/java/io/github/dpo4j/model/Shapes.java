package io.github.dpo4j.model;

/** Shapes of Llamas for arithmetic on paper. */
public final class Shapes {
    private Shapes() {}

    /** SmolLM2-135M: 30 layers, width 576, 9 heads on 3, head width 64, MLP 1536, tied. */
    public static DecoderSettings smolLm2(int vocabulary) {
        return llama(vocabulary, 576, 30, 9, 3, 64, 1536, DecoderSettings.MlpKind.GATED);
    }

    public static DecoderSettings llama(
            int vocabulary,
            int width,
            int layers,
            int heads,
            int keyValueHeads,
            int headWidth,
            int mlpWidth,
            DecoderSettings.MlpKind mlp) {
        LayerAttention attention = LayerAttention.full(new Rotary(headWidth / 2 * 2, 10000, new RopeScaling.None()));
        return DecoderSettings.builder(vocabulary, width, heads, headWidth, mlpWidth)
                .keyValueHeads(keyValueHeads)
                .attention(LayerAttention.all(layers, attention))
                .norm(DecoderSettings.NormKind.RMS, 1e-5)
                .mlp(mlp, Activation.SILU)
                .tied(true)
                .build();
    }
}
