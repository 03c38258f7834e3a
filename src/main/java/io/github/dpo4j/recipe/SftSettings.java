package io.github.dpo4j.recipe;

import io.github.dpo4j.data.OnBadRow;
import io.github.dpo4j.report.Setting;
import io.github.dpo4j.safetensors.DType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A supervised fine-tuning run.
 *
 * @param saveDtype what float tensors are written as; empty for what the model's files have
 */
public record SftSettings(
        Path model,
        List<String> datasets,
        List<String> evalDatasets,
        Path output,
        RunFolder.Start start,
        LengthLimit maxLength,
        OnBadRow onBadRow,
        Optional<DType> saveDtype,
        TrainingSettings training) {

    public SftSettings {
        datasets = List.copyOf(datasets);
        evalDatasets = List.copyOf(evalDatasets);
    }

    List<Setting> list() {
        List<Setting> settings = new ArrayList<>();
        settings.add(Setting.of("model", model.toString()));
        settings.add(DpoSettings.strings("dataset", datasets));
        settings.add(DpoSettings.strings("eval_dataset", evalDatasets));
        settings.add(Setting.of("output", output.toString()));
        settings.add(Setting.of("max_length", maxLength.toString()));
        settings.add(Setting.of("on_bad_row", onBadRow.name().toLowerCase(Locale.ROOT)));
        settings.add(Setting.of("save_dtype", saveDtype.map(DType::name).orElse("as the model's files")));
        settings.addAll(training.list());
        return settings;
    }
}
