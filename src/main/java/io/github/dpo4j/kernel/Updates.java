package io.github.dpo4j.kernel;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** Optimizer updates: every number of weights, gradients and states passes the memory bus once. */
public final class Updates {
    private static final int ELEMENTS_A_CHUNK = 1 << 14;

    private Updates() {}

    /**
     * Equally long float32 buffers, whole vectors of elements.
     *
     * @param half gets the updated weights as bfloat16; null for none
     */
    @SuppressWarnings("ArrayRecordComponent") // one or two buffers on their way to a kernel
    public record Buffers(
            MemorySegment weights,
            MemorySegment gradients,
            MemorySegment[] states,
            @Nullable MemorySegment half) {
        public Buffers {
            if (weights.byteSize() / Float.BYTES % Lanes.COUNT != 0) {
                throw new IllegalArgumentException("buffers must be whole vectors: " + weights.byteSize() + " bytes");
            }
        }

        long elements() {
            return weights.byteSize() / Float.BYTES;
        }
    }

    /**
     * AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101, Algorithm 2), as torch has it.
     *
     * @param keep what decay leaves of a weight, 1 - learning rate x weight decay
     * @param rate learning rate / (1 - beta1^step)
     * @param rootCorrection sqrt(1 - beta2^step)
     */
    public record AdamW(
            float beta1,
            float beta2,
            float epsilon,
            float keep,
            float rate,
            float rootCorrection,
            float gradientScale) {
        /** Updates weights, means and mean squares of gradients times {@code gradientScale}. */
        public void run(Team team, Buffers buffers) {
            forChunks(team, buffers, this::update);
        }

        private void update(Buffers buffers, long from, long to) {
            MemorySegment weights = buffers.weights();
            MemorySegment gradients = buffers.gradients();
            MemorySegment means = buffers.states()[0];
            MemorySegment squares = buffers.states()[1];
            FloatVector oneLessBeta1 = FloatVector.broadcast(Lanes.F, 1 - beta1);
            FloatVector oneLessBeta2 = FloatVector.broadcast(Lanes.F, 1 - beta2);
            FloatVector decay2 = FloatVector.broadcast(Lanes.F, beta2);
            for (long i = from; i < to; i += Lanes.COUNT) {
                long at = i * Float.BYTES;
                FloatVector g = FloatVector.fromMemorySegment(Lanes.F, gradients, at, LITTLE_ENDIAN)
                        .mul(gradientScale);
                FloatVector m = FloatVector.fromMemorySegment(Lanes.F, means, at, LITTLE_ENDIAN);
                m = g.sub(m).fma(oneLessBeta1, m);
                m.intoMemorySegment(means, at, LITTLE_ENDIAN);
                FloatVector v = FloatVector.fromMemorySegment(Lanes.F, squares, at, LITTLE_ENDIAN)
                        .mul(decay2);
                v = g.mul(g).fma(oneLessBeta2, v);
                v.intoMemorySegment(squares, at, LITTLE_ENDIAN);
                FloatVector w = FloatVector.fromMemorySegment(Lanes.F, weights, at, LITTLE_ENDIAN)
                        .mul(keep);
                w = w.sub(m.div(v.sqrt().div(rootCorrection).add(epsilon)).mul(rate));
                w.intoMemorySegment(weights, at, LITTLE_ENDIAN);
                if (buffers.half() != null) {
                    Rows.putHalf(w, buffers.half(), i * Short.BYTES);
                }
            }
        }
    }

    /**
     * RMSprop (Tieleman and Hinton 2012), uncentred and without momentum, as torch has it.
     *
     * @param alpha what is kept of the mean squares
     * @param decay weight decay, added to the gradient
     */
    public record RmsProp(float alpha, float epsilon, float decay, float rate, float gradientScale) {
        /** Updates weights and mean squares of gradients times {@code gradientScale}. */
        public void run(Team team, Buffers buffers) {
            forChunks(team, buffers, this::update);
        }

        private void update(Buffers buffers, long from, long to) {
            MemorySegment weights = buffers.weights();
            MemorySegment gradients = buffers.gradients();
            MemorySegment squares = buffers.states()[0];
            FloatVector oneLessAlpha = FloatVector.broadcast(Lanes.F, 1 - alpha);
            FloatVector decays = FloatVector.broadcast(Lanes.F, decay);
            for (long i = from; i < to; i += Lanes.COUNT) {
                long at = i * Float.BYTES;
                FloatVector w = FloatVector.fromMemorySegment(Lanes.F, weights, at, LITTLE_ENDIAN);
                FloatVector g = FloatVector.fromMemorySegment(Lanes.F, gradients, at, LITTLE_ENDIAN)
                        .mul(gradientScale);
                g = w.fma(decays, g);
                FloatVector v = FloatVector.fromMemorySegment(Lanes.F, squares, at, LITTLE_ENDIAN)
                        .mul(alpha);
                v = g.mul(g).fma(oneLessAlpha, v);
                v.intoMemorySegment(squares, at, LITTLE_ENDIAN);
                w = w.sub(g.div(v.sqrt().add(epsilon)).mul(rate));
                w.intoMemorySegment(weights, at, LITTLE_ENDIAN);
                if (buffers.half() != null) {
                    Rows.putHalf(w, buffers.half(), i * Short.BYTES);
                }
            }
        }
    }

    private interface Update {
        void run(Buffers buffers, long from, long to);
    }

    private static void forChunks(Team team, Buffers buffers, Update update) {
        long elements = buffers.elements();
        team.run(Math.toIntExact(Math.ceilDiv(elements, ELEMENTS_A_CHUNK)), (chunk, scratch) -> {
            long from = (long) chunk * ELEMENTS_A_CHUNK;
            update.run(buffers, from, Math.min(elements, from + ELEMENTS_A_CHUNK));
        });
    }
}
