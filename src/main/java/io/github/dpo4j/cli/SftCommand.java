package io.github.dpo4j.cli;

import io.github.dpo4j.recipe.SftRecipe;
import io.github.dpo4j.recipe.SftSettings;
import io.github.dpo4j.report.RunStatus;
import java.io.IOException;
import java.time.Clock;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code dpo4j sft}. */
@Command(
        name = "sft",
        description =
                "Fine-tunes a model on texts, prompts with completions, conversations, or the chosen sides of pairs.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false)
final class SftCommand implements Callable<Integer> {
    @Mixin
    TrainingOptions training = new TrainingOptions();

    @Override
    public Integer call() throws IOException {
        SftRecipe recipe =
                new SftRecipe(settings(), new ConsoleObserver(), StopSignal.INSTANCE.arm(), Clock.systemUTC());
        if (training.memory) {
            return training.print(recipe.plan());
        }
        return recipe.run() == RunStatus.FINISHED ? 0 : 1;
    }

    /** Returns what the options say; throws {@link io.github.dpo4j.UserError} for a value that is none. */
    SftSettings settings() {
        return new SftSettings(
                training.model,
                training.datasets,
                training.evalDatasets,
                training.output("sft"),
                training.start(),
                training.maxLength(),
                Parsing.truncation(training.truncationMode),
                training.onBadRow(),
                training.saveDtype(),
                training.settings("sft", 2e-5));
    }
}
