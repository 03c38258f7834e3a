package io.github.dpo4j.model;

/** How a token's place enters the model. */
public sealed interface Positions {
    /** Rotary embedding (Su et al. 2021, arXiv 2104.09864) on the first {@code rotaryWidth} features of each head. */
    record Rotary(int rotaryWidth, double theta, RopeScaling scaling) implements Positions {
        /** Returns the radians a token by which each pair of features turns, float32 [rotaryWidth / 2]. */
        public float[] frequencies() {
            float[] frequencies = new float[rotaryWidth / 2];
            for (int i = 0; i < frequencies.length; i++) {
                float frequency = (float) Math.pow(theta, -2.0 * i / rotaryWidth);
                frequencies[i] = (float) scaling.scale(frequency);
            }
            return frequencies;
        }
    }

    /** A learned vector a position, added to the token embedding; positions from {@code count} on do not exist. */
    record Learned(int count) implements Positions {}

    /** Reads theta and scaling from rope_parameters (transformers 5), or rope_theta and rope_scaling (before). */
    static Rotary rotary(ModelConfig config, int rotaryWidth, String thetaKey) {
        ModelConfig rope =
                config.has("rope_parameters") ? config.inside("rope_parameters") : config.inside("rope_scaling");
        double theta = rope.positiveReal("rope_theta", config.positiveReal(thetaKey, 10_000));
        return new Rotary(rotaryWidth, theta, RopeScaling.of(rope));
    }
}
