package io.github.dpo4j.recipe;

import io.github.dpo4j.data.OnBadRow;
import io.github.dpo4j.report.Setting;
import io.github.dpo4j.safetensors.DType;
import io.github.dpo4j.text.TruncationMode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

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
        TruncationMode truncationMode,
        OnBadRow onBadRow,
        Optional<DType> saveDtype,
        TrainingSettings training) {

    public SftSettings {
        datasets = List.copyOf(datasets);
        evalDatasets = List.copyOf(evalDatasets);
    }

    /** Returns the folders and files that the run reads, as far as they are named without wildcards. */
    List<Path> inputs() {
        return Stream.of(DpoSettings.models(model), DpoSettings.paths(datasets), DpoSettings.paths(evalDatasets))
                .flatMap(paths -> paths)
                .toList();
    }

    List<Setting> list(MicroBatchBudget chosen) {
        List<Setting> settings = new ArrayList<>();
        settings.add(Setting.of("model", model.toString()));
        settings.add(DpoSettings.strings("dataset", datasets));
        settings.add(DpoSettings.strings("eval_dataset", evalDatasets));
        settings.add(Setting.of("output", output.toString()));
        settings.add(Setting.of("max_length", maxLength.toString()));
        settings.add(Setting.of("truncation_mode", truncationMode.name().toLowerCase(Locale.ROOT)));
        settings.add(Setting.of("on_bad_row", onBadRow.name().toLowerCase(Locale.ROOT)));
        settings.add(Setting.of("save_dtype", saveDtype.map(DType::name).orElse("as the model's files")));
        settings.addAll(training.list(chosen));
        return settings;
    }
}
