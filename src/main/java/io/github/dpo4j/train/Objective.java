package io.github.dpo4j.train;

import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/** What a recipe minimises over numbered examples. */
public interface Objective {
    int examples();

    /** Returns the names of the values that {@link MicroBatchResult#metrics} holds, as metrics.jsonl has them. */
    List<String> metricNames();

    /**
     * Lays out the micro-batches of a step, each a pack of example numbers, as plain arrays: on any thread, without libtorch,
     * one when it is asked for. Their loss shares use the counts of the whole step, so accumulation is exact.
     */
    Stream<MicroBatch> prepare(List<int[]> packs);

    /** As {@link #prepare(List)}, for objectives to which the order of the examples in the {@code step} matters. */
    default Stream<MicroBatch> prepare(int[] step, List<int[]> packs) {
        return prepare(packs);
    }

    /** Returns how many tokens an example has, prompt and completions together. */
    long tokens(int example);

    /** Names an example for an error message: where it is from and how long it is. */
    String describe(int example);

    /** Prepares and runs a step of one micro-batch. */
    default MicroBatchResult run(int[] examples, boolean backward) {
        return prepare(List.<int[]>of(examples)).findFirst().orElseThrow().run(backward);
    }

    /** A part of a step, ready to run on the thread that trains. */
    interface MicroBatch {
        int[] examples();

        /**
         * Runs forward, and backward if asked: the gradient of the micro-batch's share of the step's mean loss is added to the
         * parameters' gradients, or handed to who reads them by layer ({@link
         * io.github.dpo4j.model.Parameters#readGradients}), who may update weights meanwhile. What it gave, and all it made on
         * the way, belongs to the innermost scope.
         *
         * @throws NonFiniteLossException before the backward, where the loss is at hand by then
         */
        Unread start(boolean backward);

        /** As {@link #start}, read at once. */
        default MicroBatchResult run(boolean backward) {
            try (TensorScope _ = new TensorScope()) {
                return start(backward).read();
            }
        }
    }

    /**
     * What one micro-batch gave, where it was computed: reading it waits for a GPU, which a step does once.
     *
     * @param values of any shape
     * @param meaning makes a result of the values, read in order
     */
    record Unread(Tensor values, Function<double[], MicroBatchResult> meaning) {
        /** Reads the values; waits until they are there. */
        public MicroBatchResult read() {
            return meaning.apply(Tensors.toDoubles(values));
        }
    }

    /**
     * What one micro-batch gave, for each of its examples.
     *
     * @param lossShares they sum to the step's mean loss over all its micro-batches
     * @param metrics a row for each metric name, a value for each example
     * @param sequenceTokens tokens of all sequences, prompts and completions
     */
    @SuppressWarnings("ArrayRecordComponent") // plain numbers on their way to sums
    record MicroBatchResult(double[] lossShares, double[][] metrics, long sequenceTokens) {}
}
