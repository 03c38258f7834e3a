package io.github.dpo4j.recipe;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.github.dpo4j.UserError;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PlackettLuce;
import io.github.dpo4j.objective.TrainedLoss;
import io.github.dpo4j.report.Setting;
import io.github.dpo4j.safetensors.DType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/**
 * A DPO run.
 *
 * @param reference the reference's folder; empty for the policy's own start
 * @param lossNames as the command line names them, for the record
 * @param beta what rewards are scaled with; the losses carry their own
 * @param referenceFree the reference's logps are 0
 * @param referenceStorage whether they are computed on every batch or once
 * @param saveDtype what float tensors are written as; empty for what the model's files have
 */
public record DpoSettings(
        Path model,
        Optional<Path> reference,
        List<String> datasets,
        List<String> evalDatasets,
        Path output,
        RunFolder.Start start,
        TrainedLoss loss,
        List<String> lossNames,
        double beta,
        boolean referenceFree,
        ReferenceStorage referenceStorage,
        PairSource source,
        Optional<DType> saveDtype,
        TrainingSettings training) {

    public DpoSettings {
        datasets = List.copyOf(datasets);
        evalDatasets = List.copyOf(evalDatasets);
        lossNames = List.copyOf(lossNames);
        if (!(beta > 0) || Double.isInfinite(beta)) {
            throw new UserError("beta is " + beta + "; it must be a number above 0");
        }
        if (loss.excludesReference()) {
            refuse(reference.isPresent(), "reference_model", lossNames);
            refuse(referenceFree, "reference_free", lossNames);
            refuse(referenceStorage instanceof ReferenceStorage.Moving, "sync_ref_model", lossNames);
            refuse(!(referenceStorage instanceof ReferenceStorage.Auto), "reference_logps", lossNames);
        }
        if (referenceFree && reference.isPresent()) {
            throw new UserError("reference_free and reference_model exclude each other; leave one away");
        }
        if (referenceStorage instanceof ReferenceStorage.Moving
                && loss instanceof LossMix mix
                && !mix.needsReference()) {
            throw new UserError("sync_ref_model is set, but no loss of " + String.join("+", lossNames)
                    + " reads the reference; leave it away");
        }
        if (referenceFree && referenceStorage instanceof ReferenceStorage.Moving) {
            throw new UserError("reference_free leaves no reference for sync_ref_model to move; leave one away");
        }
        if (referenceFree && !(referenceStorage instanceof ReferenceStorage.Auto)) {
            throw new UserError("reference_free leaves no reference logps to store or to compute;"
                    + " leave reference_free or reference_logps away");
        }
    }

    private static void refuse(boolean set, String name, List<String> losses) {
        if (set) {
            throw new UserError(
                    name + " is set, but the loss " + String.join("+", losses) + " has no reference; leave it away");
        }
    }

    /** Returns whether the run has a reference, be it a model or stored logps. */
    boolean hasReference() {
        return !referenceFree && !loss.excludesReference();
    }

    /** Returns the folders and files that the run reads, as far as they are named without wildcards. */
    List<Path> inputs() {
        return Stream.of(
                        models(model),
                        reference.stream().flatMap(DpoSettings::models),
                        paths(datasets),
                        paths(evalDatasets))
                .flatMap(paths -> paths)
                .toList();
    }

    /** A model's folder, and that of its base where it is an adapter. */
    static Stream<Path> models(Path model) {
        return Stream.of(model, ModelFolder.modelIn(model));
    }

    static Stream<Path> paths(List<String> datasets) {
        return datasets.stream().filter(name -> !name.contains("*")).map(Path::of);
    }

    /** Returns all of them; {@code resolved} says where reference logps come from in the end. */
    List<Setting> list(List<Setting> resolved, MicroBatchBudget chosen) {
        List<Setting> settings = new ArrayList<>();
        settings.add(Setting.of("model", model.toString()));
        String start = hasReference() ? "the policy's start" : "none";
        settings.add(Setting.of("reference_model", reference.map(Path::toString).orElse(start)));
        settings.add(strings("dataset", datasets));
        settings.add(strings("eval_dataset", evalDatasets));
        settings.add(Setting.of("output", output.toString()));
        settings.add(strings("loss", lossNames));
        switch (loss) {
            case LossMix mix -> {
                settings.add(Setting.of("losses", mix.terms().toString()));
                settings.add(Setting.of("f_divergence", mix.divergence().toString()));
                OptionalDouble alpha = mix.ldAlpha();
                settings.add(Setting.of("ld_alpha", alpha.isPresent() ? "" + alpha.getAsDouble() : "none"));
                settings.add(Setting.of("use_weighting", mix.weighted()));
            }
            case PlackettLuce ranking -> settings.add(Setting.of("losses", ranking.toString()));
        }
        settings.add(Setting.of("beta", beta));
        settings.add(Setting.of("reference_free", referenceFree));
        settings.addAll(resolved);
        if (referenceStorage instanceof ReferenceStorage.Moving(long steps, double alpha)) {
            settings.add(Setting.of("sync_ref_model", true));
            settings.add(Setting.of("ref_model_sync_steps", steps));
            settings.add(Setting.of("ref_model_mixup_alpha", alpha));
        }
        settings.add(Setting.of("max_length", source.maxLength().toString()));
        settings.add(Setting.of(
                "max_prompt_length",
                source.maxPromptLength().isPresent()
                        ? "" + source.maxPromptLength().getAsInt()
                        : "none"));
        settings.add(
                Setting.of("truncation_mode", source.truncationMode().name().toLowerCase(Locale.ROOT)));
        settings.add(Setting.of("on_bad_row", source.onBadRow().name().toLowerCase(Locale.ROOT)));
        settings.add(Setting.of("save_dtype", saveDtype.map(DType::name).orElse("as the model's files")));
        settings.addAll(training.list(chosen));
        return settings;
    }

    static Setting strings(String name, List<String> values) {
        ArrayNode array = JsonNodeFactory.instance.arrayNode();
        values.forEach(array::add);
        return new Setting(name, array);
    }
}
