package io.github.dpo4j.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A linear layer of a decoder, by the name of its weight without the ending.
 *
 * @param head true for the output head
 */
public record LinearModule(String name, int in, int out, boolean head) {
    /** Returns all of a model in order: those of each layer, then the head where it has a weight of its own. */
    public static List<LinearModule> of(DecoderSettings settings, WeightNames names) {
        int width = settings.width();
        int queries = settings.heads() * settings.headWidth();
        int keys = settings.keyValueHeads() * settings.headWidth();
        int inner = settings.mlpWidth();
        List<LinearModule> modules = new ArrayList<>();
        for (int layer = 0; layer < settings.layers(); layer++) {
            String prefix = String.format(Locale.ROOT, names.layer(), layer);
            switch (names.qkv()) {
                case WeightNames.QkvNames.Separate separate -> {
                    modules.add(new LinearModule(prefix + separate.query(), width, queries, false));
                    modules.add(new LinearModule(prefix + separate.key(), width, keys, false));
                    modules.add(new LinearModule(prefix + separate.value(), width, keys, false));
                }
                case WeightNames.QkvNames.FusedBlocks fused ->
                    modules.add(new LinearModule(prefix + fused.name(), width, queries + 2 * keys, false));
                case WeightNames.QkvNames.FusedPerHead fused ->
                    modules.add(new LinearModule(prefix + fused.name(), width, 3 * queries, false));
            }
            modules.add(new LinearModule(prefix + names.attentionOutput(), queries, width, false));
            switch (names.mlp()) {
                case WeightNames.MlpNames.Plain plain ->
                    modules.add(new LinearModule(prefix + plain.up(), width, inner, false));
                case WeightNames.MlpNames.Gated gated -> {
                    modules.add(new LinearModule(prefix + gated.gate(), width, inner, false));
                    modules.add(new LinearModule(prefix + gated.up(), width, inner, false));
                }
                case WeightNames.MlpNames.FusedGated fused ->
                    modules.add(new LinearModule(prefix + fused.name(), width, 2 * inner, false));
            }
            modules.add(new LinearModule(prefix + names.mlpDown(), inner, width, false));
        }
        if (!settings.tied() && names.head() != null) {
            modules.add(new LinearModule(names.head(), width, settings.vocabularySize(), true));
        }
        return List.copyOf(modules);
    }
}
