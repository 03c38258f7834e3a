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
        return new DecoderSettings(
                vocabulary,
                width,
                layers,
                heads,
                keyValueHeads,
                headWidth,
                mlpWidth,
                2048,
                new Positions.Rotary(headWidth / 2 * 2, 10000, new RopeScaling.None()),
                DecoderSettings.NormKind.RMS,
                1e-5,
                mlp,
                Activation.SILU,
                DecoderSettings.ResidualKind.SEQUENTIAL,
                Linear.Layout.OUT_IN,
                DecoderSettings.AttentionScale.USUAL,
                false,
                false,
                false,
                true);
    }
}
