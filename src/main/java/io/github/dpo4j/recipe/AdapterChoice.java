package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.model.lora.LoraSettings;
import io.github.dpo4j.report.Setting;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Whether a run trains an adapter rather than all weights. A run that starts from an adapter's folder trains that one.
 *
 * @param lora the new adapter; empty for none
 * @param merge whether the result is written as a whole model too
 */
public record AdapterChoice(Optional<LoraSettings> lora, boolean merge) {
    /** All weights are trained, or the adapter that the run starts from. */
    public static final AdapterChoice NONE = new AdapterChoice(Optional.empty(), false);

    /** Throws {@link UserError} where there is nothing to merge. */
    void requireAdapter(boolean trained) {
        if (merge && !trained) {
            throw new UserError("merge_lora is set, but no adapter is trained; set lora_r, or start from an adapter");
        }
    }

    /** Returns the settings by their names on the command line; none where all weights are trained. */
    List<Setting> list() {
        List<Setting> settings = new ArrayList<>();
        lora.ifPresent(adapter -> {
            settings.add(Setting.of("lora_r", adapter.rank()));
            settings.add(Setting.of("lora_alpha", adapter.alpha()));
            settings.add(Setting.of("lora_dropout", adapter.dropout()));
            settings.add(Setting.of("lora_target_modules", adapter.targets().toString()));
            settings.add(Setting.of("use_rslora", adapter.rankStabilized()));
            settings.add(Setting.of("use_dora", adapter.dora()));
            settings.add(Setting.of("lora_modules_to_save", String.join(",", adapter.modulesToSave())));
        });
        if (merge) {
            settings.add(Setting.of("merge_lora", true));
        }
        return settings;
    }
}
