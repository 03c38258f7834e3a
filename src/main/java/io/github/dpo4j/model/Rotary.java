package io.github.dpo4j.model;

/**
 * Rotary embedding (Su et al. 2021, arXiv 2104.09864): pairs of the first {@code width} features of each head turn by an angle
 * in proportion to the token's position.
 *
 * @param width features of a head that turn, even
 * @param theta the base of the wavelengths
 */
public record Rotary(int width, double theta, RopeScaling scaling) {
    /** Returns the radians a token by which each pair of features turns, float32 [width / 2]. */
    public float[] frequencies() {
        float[] frequencies = new float[width / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = (float) Math.pow(theta, -2.0 * i / width);
        }
        return scaling.scale(frequencies, theta);
    }

    /**
     * Cosines and sines of each token's angles, times the scaling's {@link RopeScaling#attentionFactor}, float32
     * [positions, width / 2] each.
     */
    @SuppressWarnings("ArrayRecordComponent") // bulk data; nobody compares it
    public record Angles(float[] cos, float[] sin) {}

    /** Computes them as transformers does: the product of position and frequency is float32. */
    public Angles angles(int[] positions) {
        float[] frequencies = frequencies();
        float factor = (float) scaling.attentionFactor();
        int half = frequencies.length;
        float[] cos = new float[positions.length * half];
        float[] sin = new float[positions.length * half];
        for (int t = 0; t < positions.length; t++) {
            for (int i = 0; i < half; i++) {
                float angle = positions[t] * frequencies[i];
                cos[t * half + i] = (float) Math.cos(angle) * factor;
                sin[t * half + i] = (float) Math.sin(angle) * factor;
            }
        }
        return new Angles(cos, sin);
    }

    /** Reads theta and scaling from rope_parameters (transformers 5), or rope_theta and rope_scaling (before). */
    static Rotary of(ModelConfig config, int width, String thetaKey) {
        return of(config, width, thetaKey, 10_000);
    }

    /** As {@link #of(ModelConfig, int, String)}, with {@code theta} where config.json names none. */
    static Rotary of(ModelConfig config, int width, String thetaKey, double theta) {
        ModelConfig rope =
                config.has("rope_parameters") ? config.inside("rope_parameters") : config.inside("rope_scaling");
        return of(config, rope, width, config.positiveReal(thetaKey, theta));
    }

    /** As {@link #of(ModelConfig, int, String)} from the object {@code rope}, with {@code theta} where that names none. */
    static Rotary of(ModelConfig config, ModelConfig rope, int width, double theta) {
        return new Rotary(width, rope.positiveReal("rope_theta", theta), RopeScaling.of(config, rope, width));
    }
}
