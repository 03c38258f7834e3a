package io.github.dpo4j.recipe;

import io.github.dpo4j.batch.BatchPlan;
import io.github.dpo4j.model.DecoderSettings;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.model.WeightCounts;
import io.github.dpo4j.model.fused.FusedMemory;
import io.github.dpo4j.model.lora.Adapter;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.train.OptimizerSettings;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * What decides the memory of a run, however its steps are cut into micro-batches.
 *
 * @param reference empty where it is never loaded
 * @param live whether it stays loaded beside the policy; else it is gone when its logps are stored
 * @param moving whether it moves, which takes its weights in float32
 * @param adapter what is trained where it is not the whole policy, which is then the frozen base
 * @param sharedBase whether a live reference has the policy's base, and so takes nothing
 * @param clips whether gradients are clipped by their norm, so that all must be there
 * @param examples how long they are
 * @param storeBytes of stored reference logps, which are mapped
 * @param programBytes of the JVM, its heap with the data, and libtorch
 */
public record MemoryNeeds(
        Model policy,
        Optional<Model> reference,
        boolean live,
        boolean moving,
        Optional<Trained> adapter,
        boolean sharedBase,
        OptimizerSettings optimizer,
        ComputeType type,
        boolean clips,
        Examples examples,
        long storeBytes,
        long programBytes) {

    /** An adapter's weights, and what a pass keeps of it. */
    public record Trained(WeightCounts weights, FusedMemory.AdapterWidths widths) {
        static Trained of(ModelFolder base, Adapter adapter) {
            return new Trained(base.counts(adapter), base.widths(adapter));
        }
    }

    /**
     * What the JVM and libtorch take beside the Java heap. Measured: 217 MiB of anonymous memory over a heap of 64 MiB
     * (-Xmx64m) on a model of 0.5 MB.
     */
    private static final long BESIDE_THE_HEAP = 256L << 20;

    /** A model as its folder's headers describe it. */
    public record Model(DecoderSettings settings, WeightCounts weights) {
        static Model of(ModelFolder folder) {
            return new Model(folder.settings(), folder.counts());
        }
    }

    /**
     * Lengths in packed tokens.
     *
     * @param longest of one example; none is ever cut
     * @param several the most of a step of several examples, which a smaller micro-batch would cut
     * @param most that a micro-batch could hold if it had no limit: a whole step, or all held-out examples
     */
    public record Examples(long longest, long several, long most) {
        /**
         * Measures examples by their lengths.
         *
         * @param steps the numbers of the examples of each step
         * @param held lengths of the held-out ones
         */
        static Examples of(long[] lengths, Stream<int[]> steps, LongStream held) {
            long[] others = held.toArray();
            long longest = LongStream.concat(Arrays.stream(lengths), Arrays.stream(others))
                    .max()
                    .orElse(0);
            long several = steps.filter(step -> step.length > 1)
                    .mapToLong(step ->
                            Arrays.stream(step).mapToLong(i -> lengths[i]).sum())
                    .max()
                    .orElse(0);
            return new Examples(
                    longest,
                    several,
                    LongStream.of(several, longest, Arrays.stream(others).sum())
                            .max()
                            .orElse(0));
        }
    }

    /**
     * Returns what a run takes that begins in this JVM now, with its data read, and has no reference.
     *
     * @param lengths of all examples, in packed tokens
     * @param held lengths of the held-out ones
     */
    static MemoryNeeds of(
            TrainingSettings training, ModelFolder policy, Optional<Adapter> adapter, long[] lengths, LongStream held) {
        BatchPlan plan = training.plan(lengths.length);
        return new MemoryNeeds(
                Model.of(policy),
                Optional.empty(),
                false,
                false,
                adapter.map(shape -> Trained.of(policy, shape)),
                false,
                training.optimizer(),
                training.computeType(),
                training.maxGradNorm() > 0,
                Examples.of(lengths, plan.steps(training.totalSteps(plan)), held),
                0,
                BESIDE_THE_HEAP + Runtime.getRuntime().totalMemory());
    }

    /** Returns the weights that are trained: the adapter's, or all. */
    WeightCounts trained() {
        return adapter.map(Trained::weights).orElse(policy.weights());
    }

    /**
     * Adds a reference.
     *
     * @param stays as long as the run lasts
     * @param shares has the policy's own base, which is loaded once
     */
    MemoryNeeds withReference(ModelFolder folder, boolean stays, boolean shares) {
        return new MemoryNeeds(
                policy,
                Optional.of(Model.of(folder)),
                stays,
                moving,
                adapter,
                shares && stays,
                optimizer,
                type,
                clips,
                examples,
                storeBytes,
                programBytes);
    }

    MemoryNeeds withMovingReference() {
        return new MemoryNeeds(
                policy,
                reference,
                live,
                true,
                adapter,
                sharedBase,
                optimizer,
                type,
                clips,
                examples,
                storeBytes,
                programBytes);
    }

    MemoryNeeds withStore(long bytes) {
        return new MemoryNeeds(
                policy,
                reference,
                live,
                moving,
                adapter,
                sharedBase,
                optimizer,
                type,
                clips,
                examples,
                bytes,
                programBytes);
    }

    MemoryNeeds withStoredReference() {
        return new MemoryNeeds(
                policy,
                reference,
                false,
                moving,
                adapter,
                false,
                optimizer,
                type,
                clips,
                examples,
                storeBytes,
                programBytes);
    }

    MemoryNeeds with(OptimizerSettings other) {
        return new MemoryNeeds(
                policy,
                reference,
                live,
                moving,
                adapter,
                sharedBase,
                other,
                type,
                clips,
                examples,
                storeBytes,
                programBytes);
    }

    MemoryNeeds with(ComputeType other) {
        return new MemoryNeeds(
                policy,
                reference,
                live,
                moving,
                adapter,
                sharedBase,
                optimizer,
                other,
                clips,
                examples,
                storeBytes,
                programBytes);
    }

    MemoryNeeds withoutClipping() {
        return new MemoryNeeds(
                policy,
                reference,
                live,
                moving,
                adapter,
                sharedBase,
                optimizer,
                type,
                false,
                examples,
                storeBytes,
                programBytes);
    }

    MemoryNeeds withLongest(long tokens) {
        return new MemoryNeeds(
                policy,
                reference,
                live,
                moving,
                adapter,
                sharedBase,
                optimizer,
                type,
                clips,
                new Examples(tokens, examples.several(), examples.most()),
                storeBytes,
                programBytes);
    }
}
