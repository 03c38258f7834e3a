package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/**
 * What {@link BenchRecipe} measures.
 *
 * @param pairsPerStep of one optimizer step
 * @param tokensPerMicroBatch packed tokens of one forward and backward at most; empty for what free memory allows
 * @param steps all of them; the first {@code warmupSteps} are made and not counted
 * @param liveReference whether the reference runs on every step; otherwise its logps are taken as known
 * @param square rows and columns of the square products that the machine's peak is measured with, besides the model's own
 */
public record BenchSettings(
        Path model,
        Pairs pairs,
        int pairsPerStep,
        OptionalInt tokensPerMicroBatch,
        int steps,
        int warmupSteps,
        boolean liveReference,
        int square,
        ComputeType computeType,
        Device device,
        long seed) {

    /** Where the pairs of the steps come from. */
    public sealed interface Pairs {
        /** Preference data, in an order by the seed. */
        record Of(List<String> datasets, PairSource source) implements Pairs {}

        /** Random ids by the seed; every pair has these lengths, in tokens. */
        record MadeUp(int promptTokens, int chosenTokens, int rejectedTokens) implements Pairs {
            public MadeUp {
                TrainingSettings.require(promptTokens >= 1, "prompt_tokens", promptTokens, "at least 1");
                TrainingSettings.require(chosenTokens >= 1, "chosen_tokens", chosenTokens, "at least 1");
                TrainingSettings.require(rejectedTokens >= 1, "rejected_tokens", rejectedTokens, "at least 1");
            }

            /** Returns the tokens of the longer of a pair's two sequences. */
            long sequenceTokens() {
                return (long) promptTokens + Math.max(chosenTokens, rejectedTokens);
            }
        }
    }

    public BenchSettings {
        TrainingSettings.require(pairsPerStep >= 1, "per_device_train_batch_size", pairsPerStep, "at least 1");
        TrainingSettings.require(
                tokensPerMicroBatch.isEmpty() || tokensPerMicroBatch.getAsInt() >= 1,
                "tokens_per_micro_batch",
                tokensPerMicroBatch.orElse(0),
                "at least 1");
        TrainingSettings.require(steps >= 1, "steps", steps, "at least 1");
        TrainingSettings.require(warmupSteps >= 0, "warmup_steps", warmupSteps, "at least 0");
        TrainingSettings.require(square >= 1, "square", square, "at least 1");
        if (warmupSteps >= steps) {
            throw new UserError("warmup_steps is " + warmupSteps + " of " + steps
                    + " steps; there must be a step after them to measure");
        }
    }
}
