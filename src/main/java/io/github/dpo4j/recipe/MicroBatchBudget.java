package io.github.dpo4j.recipe;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.batch.TokenBudget;
import io.github.dpo4j.model.GradientStorage;
import io.github.dpo4j.model.fused.FusedDecoder;
import io.github.dpo4j.train.Objective;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * How a run cuts its steps into micro-batches and runs them: as asked for, or as memory allows.
 *
 * @param recompute whether activations are recomputed
 * @param plan empty where memory is not planned: only the hand-written backward, on the CPU, is counted
 * @param notes what was chosen and why, where it is worth a line
 */
record MicroBatchBudget(TokenBudget budget, boolean recompute, Optional<MemoryPlan> plan, List<String> notes) {
    static final String SETTING = "tokens_per_micro_batch";

    /** A budget that was not asked for is recorded with the run, so that resuming it on a busier machine gives the same bits. */
    static MicroBatchBudget of(TrainingSettings training, RunFolder folder, MemoryNeeds needs) {
        OptionalInt asked = training.batches().tokensPerMicroBatch();
        OptionalInt known = asked.isPresent() || !folder.resuming() ? asked : recorded(folder);
        ActivationCheckpointing checkpointing = training.batches().checkpointing();
        boolean gpu = training.device().isCuda();
        if (FusedDecoder.runsOn(training.device())) {
            return planned(known, checkpointing, needs, FreeMemory.ofProcess());
        }
        if (checkpointing == ActivationCheckpointing.ON) {
            throw new UserError(
                    "--activation-checkpointing on: " + (gpu ? "a GPU" : "a JVM without jdk.incubator.vector")
                            + " cannot recompute activations yet; leave it away");
        }
        // A GPU has memory of its own, for which even the largest budget is small.
        int usual = gpu ? TokenBudget.MOST : TokenBudget.LEAST;
        return new MicroBatchBudget(new TokenBudget(known.orElse(usual)), false, Optional.empty(), List.of());
    }

    /** {@code known} is a budget that was asked for or recorded; {@code free} is what this process may have in all. */
    static MicroBatchBudget planned(
            OptionalInt known, ActivationCheckpointing checkpointing, MemoryNeeds needs, long free) {
        TokenBudget wished = known.isPresent() ? new TokenBudget(known.getAsInt()) : smallest(needs, free);
        MemoryPlan without = new MemoryPlan(needs, wished, false, free);
        boolean recompute = switch (checkpointing) {
            case AUTO -> !without.fits();
            case ON -> true;
            case OFF -> false;
        };
        MemoryPlan chosen = new MemoryPlan(needs, wished, recompute, free);
        MemoryPlan plan = known.isPresent() ? chosen : chosen.withUsualBudget();
        List<String> notes = switch (checkpointing) {
            case AUTO ->
                recompute
                        ? List.of("activation checkpointing is on: without it the run would take "
                                + MemoryPlan.text(without.peakBytes()) + ", and " + MemoryPlan.text(free)
                                + " are free")
                        : List.of();
            case ON -> List.of("activation checkpointing is on, as asked");
            case OFF -> List.of();
        };
        return new MicroBatchBudget(plan.budget(), recompute, Optional.of(plan), notes);
    }

    /**
     * Returns the budget that takes least memory. Fewer tokens cost less time than recomputing, so with no wish for more it will
     * do: the least one, or one that holds a whole step, if gradients are then there by layer.
     */
    private static TokenBudget smallest(MemoryNeeds needs, long free) {
        TokenBudget least = new TokenBudget(TokenBudget.LEAST);
        TokenBudget step = least.orStep(needs.examples().several());
        long withStep = new MemoryPlan(needs, step, false, free).peakBytes();
        return withStep < new MemoryPlan(needs, least, false, free).peakBytes() ? step : least;
    }

    /** Returns how much of the gradient the run keeps at a time. */
    GradientStorage gradients() {
        return plan.map(MemoryPlan::gradients).orElse(GradientStorage.WHOLE);
    }

    /** Throws {@link UserError} where the run is known not to fit. */
    void requireFits() {
        plan.ifPresent(MemoryPlan::requireFits);
    }

    /** Returns the plan; throws {@link UserError} where there is none. */
    MemoryPlan requirePlan() {
        return plan.orElseThrow(() -> new UserError(
                "--memory: only the CPU's memory is planned so far, and only with the module jdk.incubator.vector"));
    }

    private static OptionalInt recorded(RunFolder folder) {
        return RunFolder.recorded(folder.path(), SETTING).stream()
                .filter(value -> value.isInt() && value.intValue() > 0)
                .mapToInt(JsonNode::intValue)
                .findFirst();
    }

    /** Says how a run's examples fit. */
    String summary(Objective objective) {
        long longer = IntStream.range(0, objective.examples())
                .filter(example -> objective.tokens(example) > budget.tokens())
                .count();
        return "micro-batches hold up to " + budget.tokens() + " tokens"
                + (longer == 0 ? "" : "; " + longer + " longer examples are one each")
                + switch (gradients()) {
                    case WHOLE -> "";
                    case BY_LAYER -> "; each layer's gradient is used and freed as soon as it is made";
                };
    }
}
