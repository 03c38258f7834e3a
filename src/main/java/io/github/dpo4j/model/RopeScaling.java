package io.github.dpo4j.model;

import io.github.dpo4j.UserError;

/** How rotary frequencies are stretched beyond the context they were trained on. */
public sealed interface RopeScaling {
    /** Returns the frequency to use instead of {@code frequency} (radians a token). */
    double scale(double frequency);

    record None() implements RopeScaling {
        @Override
        public double scale(double frequency) {
            return frequency;
        }
    }

    /** Position interpolation (Chen et al. 2023, arXiv 2306.15595): all frequencies divided by factor. */
    record Linear(double factor) implements RopeScaling {
        @Override
        public double scale(double frequency) {
            return frequency / factor;
        }
    }

    /** Llama 3.1: long wavelengths divided by factor, short ones kept, those between interpolated. */
    record Llama3(double factor, double lowFrequencyFactor, double highFrequencyFactor, double originalPositions)
            implements RopeScaling {
        @Override
        public double scale(double frequency) {
            double wavelength = 2 * Math.PI / frequency;
            if (wavelength < originalPositions / highFrequencyFactor) {
                return frequency;
            }
            if (wavelength > originalPositions / lowFrequencyFactor) {
                return frequency / factor;
            }
            double smooth =
                    (originalPositions / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
            return (1 - smooth) * frequency / factor + smooth * frequency;
        }
    }

    /** Reads the scaling from rope_parameters (transformers 5) or rope_scaling (before); an unknown kind is an error. */
    static RopeScaling of(ModelConfig rope) {
        String key = rope.has("rope_type") ? "rope_type" : "type";
        String kind = rope.text(key, "default");
        return switch (kind) {
            case "default" -> new None();
            case "linear" -> new Linear(required(rope, kind, "factor"));
            case "llama3" ->
                new Llama3(
                        required(rope, kind, "factor"),
                        required(rope, kind, "low_freq_factor"),
                        required(rope, kind, "high_freq_factor"),
                        required(rope, kind, "original_max_position_embeddings"));
            default ->
                throw new UserError(rope.where(key) + " is '" + kind
                        + "', which is not supported; known kinds are default, linear, llama3");
        };
    }

    private static double required(ModelConfig rope, String kind, String key) {
        if (!rope.has(key)) {
            throw new UserError(rope.file() + ": " + kind + " rope scaling needs '" + key + "'");
        }
        return rope.positiveReal(key, 0);
    }
}
