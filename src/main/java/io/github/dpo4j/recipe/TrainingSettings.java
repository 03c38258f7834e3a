package io.github.dpo4j.recipe;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.github.dpo4j.UserError;
import io.github.dpo4j.batch.BatchPlan;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.GradientStorage;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.model.lora.Adapter;
import io.github.dpo4j.report.Setting;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.train.OptimizerSettings;
import io.github.dpo4j.train.Schedule;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How any recipe trains.
 *
 * @param maxSteps optimizer steps; empty for {@code epochs} passes over the data
 * @param warmupSteps empty for {@code warmupRatio} of all steps, rounded up
 * @param maxGradNorm 0 for no clipping
 * @param loggingSteps steps of one line of metrics.jsonl
 * @param evalSteps steps between evaluations; 0 for one at the end
 * @param saveSteps steps between checkpoints; 0 for none but on a signal
 * @param saveTotalLimit checkpoints kept; 0 for all
 * @param adapter whether an adapter is trained rather than all weights
 */
public record TrainingSettings(
        BatchSettings batches,
        OptionalLong maxSteps,
        double epochs,
        double learningRate,
        String schedule,
        OptionalLong warmupSteps,
        double warmupRatio,
        OptimizerSettings optimizer,
        double maxGradNorm,
        long seed,
        boolean shuffle,
        long loggingSteps,
        long evalSteps,
        long saveSteps,
        int saveTotalLimit,
        ComputeType computeType,
        Device device,
        AdapterChoice adapter) {

    public TrainingSettings {
        require(maxSteps.isEmpty() || maxSteps.getAsLong() >= 1, "max_steps", maxSteps.orElse(0), "at least 1");
        require(epochs > 0 && Double.isFinite(epochs), "num_train_epochs", epochs, "above 0");
        require(learningRate >= 0 && Double.isFinite(learningRate), "learning_rate", learningRate, "0 or more");
        require(
                warmupSteps.isEmpty() || warmupSteps.getAsLong() >= 0,
                "warmup_steps",
                warmupSteps.orElse(0),
                "0 or more");
        require(warmupRatio >= 0 && warmupRatio <= 1, "warmup_ratio", warmupRatio, "from 0 to 1");
        require(maxGradNorm >= 0 && Double.isFinite(maxGradNorm), "max_grad_norm", maxGradNorm, "0 or more");
        require(loggingSteps >= 1, "logging_steps", loggingSteps, "at least 1");
        require(evalSteps >= 0, "eval_steps", evalSteps, "0 or more");
        require(saveSteps >= 0, "save_steps", saveSteps, "0 or more");
        require(saveTotalLimit >= 0, "save_total_limit", saveTotalLimit, "0 or more");
        if (warmupSteps.orElse(0) > 0 && warmupRatio > 0) {
            throw new UserError("both warmup_steps and warmup_ratio are set; choose one");
        }
    }

    static void require(boolean holds, String name, Number value, String range) {
        if (!holds) {
            throw new UserError(name + " is " + value + "; it must be " + range);
        }
    }

    /** Returns the adapter that a run from {@code start} trains; empty where it trains all weights. */
    Optional<Adapter> adapterOf(ModelFolder start) {
        Optional<Adapter> trained = start.adapterToTrain(adapter.lora());
        adapter.requireAdapter(trained.isPresent());
        return trained;
    }

    /**
     * Loads the policy.
     *
     * @param base weights of its model that are there already, for an adapter to stand beside
     */
    CausalLm load(ModelFolder start, Optional<Adapter> trained, Optional<Parameters> base, GradientStorage gradients) {
        if (trained.isEmpty()) {
            return start.loadTrainable(device, computeType, gradients);
        }
        return start.loadAdapted(
                base.orElseGet(() -> start.loadBase(device, computeType)), trained.get(), seed, computeType, gradients);
    }

    BatchPlan plan(int examples) {
        return new BatchPlan(examples, batches.examplesPerStep(), shuffle, seed);
    }

    long totalSteps(BatchPlan plan) {
        return maxSteps.orElseGet(() -> Math.max(1, (long) Math.ceil(epochs * plan.stepsPerEpoch())));
    }

    /** Returns how often the held-out examples are evaluated: every eval_steps, and at the end. */
    long evaluations(long totalSteps) {
        return evalSteps == 0 ? 1 : Math.ceilDiv(totalSteps, evalSteps);
    }

    Schedule scheduleOver(long totalSteps) {
        long warmup = warmupSteps.orElseGet(() -> (long) Math.ceil(warmupRatio * totalSteps));
        return Schedule.named(schedule, warmup, totalSteps);
    }

    /** Returns all of them by their names on the command line, with the micro-batches that the run has in the end. */
    List<Setting> list(MicroBatchBudget chosen) {
        String optim = switch (optimizer) {
            case OptimizerSettings.AdamW _ -> "adamw";
            case OptimizerSettings.RmsProp _ -> "rmsprop";
        };
        List<Setting> settings = new ArrayList<>(adapter.list());
        settings.addAll(List.of(
                Setting.of("per_device_train_batch_size", batches.size()),
                Setting.of("gradient_accumulation_steps", batches.accumulationSteps()),
                Setting.of(MicroBatchBudget.SETTING, chosen.budget().tokens()),
                Setting.of(ActivationCheckpointing.SETTING, chosen.recompute() ? "on" : "off"),
                new Setting(
                        "max_steps",
                        maxSteps.isPresent()
                                ? JsonNodeFactory.instance.numberNode(maxSteps.getAsLong())
                                : JsonNodeFactory.instance.nullNode()),
                Setting.of("num_train_epochs", epochs),
                Setting.of("learning_rate", learningRate),
                Setting.of("lr_scheduler_type", schedule),
                new Setting(
                        "warmup_steps",
                        warmupSteps.isPresent()
                                ? JsonNodeFactory.instance.numberNode(warmupSteps.getAsLong())
                                : JsonNodeFactory.instance.nullNode()),
                Setting.of("warmup_ratio", warmupRatio),
                Setting.of("optim", optim),
                Setting.of("weight_decay", optimizer.weightDecay()),
                Setting.of("max_grad_norm", maxGradNorm),
                Setting.of("seed", seed),
                Setting.of("shuffle", shuffle),
                Setting.of("logging_steps", loggingSteps),
                Setting.of("eval_steps", evalSteps),
                Setting.of("save_steps", saveSteps),
                Setting.of("save_total_limit", saveTotalLimit),
                Setting.of("dtype", computeType.label()),
                Setting.of("device", device.name())));
        return settings;
    }
}
