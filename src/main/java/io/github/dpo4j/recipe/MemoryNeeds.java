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
 * @param adapter what is trained where it is not the whole policy, which is then the frozen base
 * @param training how steps are made
 * @param examples how long they are
 * @param storeBytes of stored reference logps, which are mapped
 * @param programBytes of the JVM, its heap with the data, and libtorch
 */
public record MemoryNeeds(
        Model policy,
        Optional<Reference> reference,
        Optional<Trained> adapter,
        Training training,
        Examples examples,
        long storeBytes,
        long programBytes) {

    /** A reference's model, and how long it is in memory. */
    public record Reference(Model model, Stay stay) {}

    /** How long a reference is in memory, and what of it. */
    public enum Stay {
        /** Before the policy comes, until its logps are stored. */
        WHILE_STORING,
        /** As long as the run lasts. */
        BESIDE,
        /** So too, but its weights are those of the policy's own base, which are there once. */
        SHARED,
        /** So too, and its weights are there in float32 as well, in which it moves. */
        MOVING
    }

    /**
     * What decides the buffers of a step.
     *
     * @param clips whether gradients are clipped by their norm, so that all must be there
     */
    public record Training(OptimizerSettings optimizer, ComputeType type, boolean clips) {}

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
                adapter.map(shape -> Trained.of(policy, shape)),
                new Training(training.optimizer(), training.computeType(), training.maxGradNorm() > 0),
                Examples.of(lengths, plan.steps(training.totalSteps(plan)), held),
                0,
                BESIDE_THE_HEAP + Runtime.getRuntime().totalMemory());
    }

    ComputeType type() {
        return training.type();
    }

    /** Returns the weights that are trained: the adapter's, or all. */
    WeightCounts trained() {
        return adapter.map(Trained::weights).orElse(policy.weights());
    }

    MemoryNeeds withReference(ModelFolder folder, Stay stay) {
        return with(Optional.of(new Reference(Model.of(folder), stay)));
    }

    /** Returns the same needs with a reference, if there is one, that stays as long. */
    MemoryNeeds withReference(Stay stay) {
        return with(reference.map(some -> new Reference(some.model(), stay)));
    }

    private MemoryNeeds with(Optional<Reference> other) {
        return new MemoryNeeds(policy, other, adapter, training, examples, storeBytes, programBytes);
    }

    MemoryNeeds withStore(long bytes) {
        return new MemoryNeeds(policy, reference, adapter, training, examples, bytes, programBytes);
    }

    MemoryNeeds with(OptimizerSettings other) {
        return with(new Training(other, training.type(), training.clips()));
    }

    MemoryNeeds with(ComputeType other) {
        return with(new Training(training.optimizer(), other, training.clips()));
    }

    MemoryNeeds withoutClipping() {
        return with(new Training(training.optimizer(), training.type(), false));
    }

    private MemoryNeeds with(Training other) {
        return new MemoryNeeds(policy, reference, adapter, other, examples, storeBytes, programBytes);
    }

    MemoryNeeds withLongest(long tokens) {
        Examples longest = new Examples(tokens, examples.several(), examples.most());
        return new MemoryNeeds(policy, reference, adapter, training, longest, storeBytes, programBytes);
    }
}
