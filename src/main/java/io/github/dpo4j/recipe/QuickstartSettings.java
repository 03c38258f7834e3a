package io.github.dpo4j.recipe;

import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import java.nio.file.Path;

/**
 * The quickstart: how much of it to do, and on what.
 *
 * @param model the folder of the embedded model
 * @param data the folder of train.jsonl, heldout.jsonl, openings-heldout.jsonl and vader-lexicon.tsv
 * @param openings held-out openings that are completed before and after
 * @param completionsPerOpening how often each is completed
 */
public record QuickstartSettings(
        Path model,
        Path data,
        Path output,
        boolean overwrite,
        int sftSteps,
        int dpoSteps,
        int batchSize,
        double sftLearningRate,
        double dpoLearningRate,
        double beta,
        int openings,
        int completionsPerOpening,
        int newTokens,
        long seed,
        ComputeType computeType,
        Device device) {

    /** Returns the settings of {@code ./dpo4j quickstart}: what fits into three minutes on two cores and shows an effect. */
    public static QuickstartSettings usual(
            Path home, Path output, boolean overwrite, long seed, ComputeType computeType, Device device) {
        return new QuickstartSettings(
                home.resolve("models/stories15M"),
                home.resolve("quickstart"),
                output,
                overwrite,
                12,
                28,
                16,
                2e-5,
                3e-5,
                0.1,
                64,
                2,
                56,
                seed,
                computeType,
                device);
    }
}
