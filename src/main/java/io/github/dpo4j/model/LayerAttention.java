package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.IntPredicate;

/**
 * What one layer's attention knows of positions.
 *
 * @param window how many tokens a token sees, itself the last of them; empty for all that stand before it
 * @param rotary empty for a layer whose attention knows no positions
 */
public record LayerAttention(OptionalInt window, Optional<Rotary> rotary) {
    private static final String TYPES = "layer_types";

    static LayerAttention full(Rotary rotary) {
        return new LayerAttention(OptionalInt.empty(), Optional.of(rotary));
    }

    static LayerAttention sliding(int window, Rotary rotary) {
        return new LayerAttention(OptionalInt.of(window), Optional.of(rotary));
    }

    LayerAttention withoutRotary() {
        return new LayerAttention(window, Optional.empty());
    }

    /** Returns {@code layers} that are all alike. */
    static List<LayerAttention> all(int layers, LayerAttention attention) {
        return Collections.nCopies(layers, attention);
    }

    /** Returns which of {@code layers} slide: as layer_types says, or {@code usual} where config.json has none. */
    static List<LayerAttention> byType(
            ModelConfig config, int layers, IntPredicate usual, LayerAttention sliding, LayerAttention full) {
        List<String> types = config.texts(TYPES);
        if (config.has(TYPES) && types.size() != layers) {
            throw new UserError(config.where(TYPES) + " has " + types.size() + " entries for " + layers + " layers");
        }
        List<LayerAttention> all = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            all.add(slides(config, types, layer, usual) ? sliding : full);
        }
        return List.copyOf(all);
    }

    private static boolean slides(ModelConfig config, List<String> types, int layer, IntPredicate usual) {
        if (types.isEmpty()) {
            return usual.test(layer);
        }
        return switch (types.get(layer)) {
            case "sliding_attention" -> true;
            case "full_attention" -> false;
            default ->
                throw new UserError(config.where(TYPES) + " names '" + types.get(layer)
                        + "'; known types are full_attention and sliding_attention");
        };
    }

    /** Returns layers as Qwen has them: those from max_window_layers on slide where use_sliding_window asks for it. */
    static List<LayerAttention> fromALayerOn(ModelConfig config, int layers, Rotary rotary) {
        LayerAttention full = full(rotary);
        boolean used = config.flag("use_sliding_window", false) && !config.isNull("sliding_window");
        OptionalInt window = used ? OptionalInt.of(config.positive("sliding_window", 4096)) : OptionalInt.empty();
        LayerAttention sliding = new LayerAttention(window, full.rotary());
        int first = config.count("max_window_layers", 28);
        return byType(config, layers, layer -> used && layer >= first, sliding, full);
    }
}
