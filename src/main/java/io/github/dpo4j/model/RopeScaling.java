package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import java.util.List;
import java.util.OptionalInt;

/** How rotary frequencies are stretched beyond the context they were trained on. */
public sealed interface RopeScaling {
    /** Returns the frequencies to use instead of these (radians a token), made with the base {@code theta}. */
    float[] scale(float[] frequencies, double theta);

    /** Returns what cosines and sines are multiplied with, which scales attention scores by its square. */
    default double attentionFactor() {
        return 1;
    }

    /** Returns the position from which on other frequencies would be needed; empty where there is none. */
    default OptionalInt end() {
        return OptionalInt.empty();
    }

    record None() implements RopeScaling {
        @Override
        public float[] scale(float[] frequencies, double theta) {
            return frequencies;
        }
    }

    /** Position interpolation (Chen et al. 2023, arXiv 2306.15595): all frequencies divided by factor. */
    record Linear(double factor) implements RopeScaling {
        @Override
        public float[] scale(float[] frequencies, double theta) {
            return each(frequencies, (frequency, i) -> frequency / factor);
        }
    }

    /** Llama 3.1: long wavelengths divided by factor, short ones kept, those between interpolated. */
    record Llama3(double factor, double lowFrequencyFactor, double highFrequencyFactor, double originalPositions)
            implements RopeScaling {
        @Override
        public float[] scale(float[] frequencies, double theta) {
            return each(frequencies, (frequency, i) -> scale(frequency));
        }

        private double scale(double frequency) {
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

    /**
     * YaRN (Peng et al. 2023, arXiv 2309.00071): features that turn fewer than {@code slow} times over the original context are
     * interpolated, those that turn more than {@code fast} times kept, those between mixed; attention gets a temperature.
     */
    record Yarn(
            double factor, double originalPositions, double fast, double slow, boolean truncate, double attentionFactor)
            implements RopeScaling {
        @Override
        public float[] scale(float[] frequencies, double theta) {
            double low = feature(fast, frequencies.length, theta);
            double high = feature(slow, frequencies.length, theta);
            double first = Math.max(0, truncate ? Math.floor(low) : low);
            double last = Math.min(2.0 * frequencies.length - 1, truncate ? Math.ceil(high) : high);
            double span = Math.max(last - first, 1e-3);
            return each(frequencies, (frequency, i) -> {
                double interpolated = Math.clamp((i - first) / span, 0, 1);
                return interpolated * frequency / factor + (1 - interpolated) * frequency;
            });
        }

        /** Returns the number of the pair that turns so often over the original context, with a fraction. */
        private double feature(double turns, int pairs, double theta) {
            return pairs * Math.log(originalPositions / (turns * 2 * Math.PI)) / Math.log(theta);
        }
    }

    /**
     * LongRoPE (Ding et al. 2024, arXiv 2402.13753) as Phi-3 has it, up to the context it was first trained on: each frequency is
     * divided by its own short factor. Longer sequences would take other factors, which transformers chooses by a batch's longest.
     */
    record LongRope(List<Double> shortFactors, int originalPositions, double attentionFactor) implements RopeScaling {
        public LongRope {
            shortFactors = List.copyOf(shortFactors);
        }

        @Override
        public float[] scale(float[] frequencies, double theta) {
            return each(frequencies, (frequency, i) -> frequency / shortFactors.get(i));
        }

        @Override
        public OptionalInt end() {
            return OptionalInt.of(originalPositions);
        }
    }

    /** A frequency's place and value to a new value. */
    interface Scale {
        double of(double frequency, int place);
    }

    private static float[] each(float[] frequencies, Scale scale) {
        float[] scaled = new float[frequencies.length];
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] = (float) scale.of(frequencies[i], i);
        }
        return scaled;
    }

    /** Reads the scaling of {@code width} features from rope_parameters (transformers 5) or rope_scaling (before). */
    static RopeScaling of(ModelConfig config, ModelConfig rope, int width) {
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
            case "yarn" -> yarn(config, rope);
            case "longrope", "su" -> longRope(config, rope, kind, width);
            default ->
                throw new UserError(rope.where(key) + " is '" + kind
                        + "', which is not supported; known kinds are default, linear, llama3, yarn, longrope");
        };
    }

    private static Yarn yarn(ModelConfig config, ModelConfig rope) {
        for (String key : List.of("mscale", "mscale_all_dim")) {
            if (rope.has(key)) {
                throw new UserError(rope.where(key) + " is not supported");
            }
        }
        double factor = required(rope, "yarn", "factor");
        double usual = factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1;
        return new Yarn(
                factor,
                rope.positiveReal("original_max_position_embeddings", config.positive("max_position_embeddings", 2048)),
                rope.positiveReal("beta_fast", 32),
                rope.positiveReal("beta_slow", 1),
                rope.flag("truncate", true),
                rope.positiveReal("attention_factor", usual));
    }

    private static LongRope longRope(ModelConfig config, ModelConfig rope, String kind, int width) {
        int positions = config.positive("max_position_embeddings", 4096);
        int original = rope.positive(
                "original_max_position_embeddings", config.positive("original_max_position_embeddings", positions));
        double factor = rope.positiveReal("factor", positions / (double) original);
        double usual = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
        List<Double> factors = rope.positiveReals("short_factor");
        if (factors.size() != width / 2) {
            throw new UserError(rope.where("short_factor") + " has " + factors.size() + " factors, but " + kind
                    + " rope scaling of " + width + " features needs " + width / 2);
        }
        return new LongRope(factors, original, rope.positiveReal("attention_factor", usual));
    }

    private static double required(ModelConfig rope, String kind, String key) {
        if (!rope.has(key)) {
            throw new UserError(rope.file() + ": " + kind + " rope scaling needs '" + key + "'");
        }
        return rope.positiveReal(key, 0);
    }
}
