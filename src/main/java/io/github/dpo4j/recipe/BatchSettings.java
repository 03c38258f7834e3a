package io.github.dpo4j.recipe;

import java.util.OptionalInt;

/**
 * What an optimizer step sees, and how it is cut into micro-batches.
 *
 * @param size TRL's per_device_train_batch_size; times {@code accumulationSteps} it is the examples of one optimizer step
 * @param accumulationSteps TRL's gradient_accumulation_steps
 * @param tokensPerMicroBatch packed tokens of one forward and backward at most; empty for what free memory allows
 * @param checkpointing whether backward computes activations again instead of reading them; it changes no bit
 */
public record BatchSettings(
        int size, int accumulationSteps, OptionalInt tokensPerMicroBatch, ActivationCheckpointing checkpointing) {

    public BatchSettings {
        TrainingSettings.require(size >= 1, "per_device_train_batch_size", size, "at least 1");
        TrainingSettings.require(
                accumulationSteps >= 1, "gradient_accumulation_steps", accumulationSteps, "at least 1");
        TrainingSettings.require(
                tokensPerMicroBatch.isEmpty() || tokensPerMicroBatch.getAsInt() >= 1,
                "tokens_per_micro_batch",
                tokensPerMicroBatch.orElse(0),
                "at least 1");
    }

    long examplesPerStep() {
        return (long) size * accumulationSteps;
    }
}
