package io.github.dpo4j.cli;

import io.github.dpo4j.UserError;
import io.github.dpo4j.objective.TrainedLoss;
import io.github.dpo4j.recipe.DpoRecipe;
import io.github.dpo4j.recipe.DpoSettings;
import io.github.dpo4j.recipe.PairSource;
import io.github.dpo4j.recipe.ReferenceStorage;
import io.github.dpo4j.report.RunStatus;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code dpo4j dpo}. */
@Command(
        name = "dpo",
        description = "Tunes a model on preference pairs with Direct Preference Optimization.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false)
final class DpoCommand implements Callable<Integer> {
    @Mixin
    TrainingOptions training = new TrainingOptions();

    @Option(
            names = "--reference-model",
            paramLabel = "MODEL",
            description = "folder of the reference (default: the policy's own start)")
    @Nullable
    Path reference;

    @Option(names = "--reference-free", description = "take the reference's logps as 0 and load none")
    boolean referenceFree;

    @Option(
            names = "--reference-logps",
            paramLabel = "HOW",
            defaultValue = "auto",
            description =
                    "live keeps the reference loaded; stored computes its logps once, for all runs; auto does what"
                            + " takes less computing (default: ${DEFAULT-VALUE})")
    String referenceLogps = "auto";

    @Option(
            names = "--reference-logps-dir",
            paramLabel = "FOLDER",
            description =
                    "where stored reference logps lie (default: reference-logps in $DPO4J_CACHE, or in dpo4j in the"
                            + " user's cache folder)")
    @Nullable
    Path referenceLogpsDir;

    @Option(
            names = "--sync-ref-model",
            description = "TR-DPO: move the reference towards the policy every --ref-model-sync-steps")
    boolean syncRefModel;

    @Option(
            names = "--ref-model-sync-steps",
            paramLabel = "N",
            description = "steps from one move of the reference to the next (default: 512)")
    @Nullable
    Long syncSteps;

    @Option(
            names = "--ref-model-mixup-alpha",
            paramLabel = "SHARE",
            description = "reference <- SHARE x policy + (1 - SHARE) x reference (default: 0.6)")
    @Nullable
    Double mixupAlpha;

    @Mixin
    LossOptions loss = new LossOptions();

    @Option(
            names = "--max-prompt-length",
            paramLabel = "N",
            description = "tokens of a prompt; longer ones are cut (default: no limit)")
    @Nullable
    Integer maxPromptLength;

    @Override
    public Integer call() throws IOException {
        DpoRecipe recipe =
                new DpoRecipe(settings(), new ConsoleObserver(), StopSignal.INSTANCE.arm(), Clock.systemUTC());
        if (training.memory) {
            return training.print(recipe.plan());
        }
        return recipe.run() == RunStatus.FINISHED ? 0 : 1;
    }

    /** Returns what the options say; throws {@link io.github.dpo4j.UserError} for a value that is none. */
    DpoSettings settings() {
        TrainedLoss trained = loss.loss(training.batchSize);
        return new DpoSettings(
                training.model,
                Optional.ofNullable(reference),
                training.datasets,
                training.evalDatasets,
                training.output("dpo"),
                training.start(),
                trained,
                loss.names,
                loss.beta,
                referenceFree,
                referenceStorage(trained),
                new PairSource(
                        training.maxLength(),
                        maxPromptLength == null ? OptionalInt.empty() : OptionalInt.of(maxPromptLength),
                        Parsing.truncation(training.truncationMode),
                        training.onBadRow()),
                training.saveDtype(),
                training.settings("dpo", 1e-6));
    }

    private ReferenceStorage referenceStorage(TrainedLoss trained) {
        if (!syncRefModel && (syncSteps != null || mixupAlpha != null)) {
            throw new UserError((syncSteps != null ? "--ref-model-sync-steps" : "--ref-model-mixup-alpha")
                    + " is for --sync-ref-model, which is not set");
        }
        ReferenceStorage storage = Parsing.referenceStorage(
                referenceLogps, referenceLogpsDir, referenceFree || trained.excludesReference());
        if (!syncRefModel) {
            return storage;
        }
        if (storage instanceof ReferenceStorage.Stored || referenceLogpsDir != null) {
            throw new UserError("--sync-ref-model moves the reference, so its logps cannot be stored; leave "
                    + (referenceLogpsDir != null ? "--reference-logps-dir" : "--reference-logps stored") + " away");
        }
        return new ReferenceStorage.Moving(syncSteps == null ? 512 : syncSteps, mixupAlpha == null ? 0.6 : mixupAlpha);
    }
}
