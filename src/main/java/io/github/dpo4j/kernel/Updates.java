package io.github.dpo4j.kernel;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** Optimizer updates: every number of weights, gradients and states passes the memory bus once. */
public final class Updates {
    private static final int ELEMENTS_A_CHUNK = 1 << 12;

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

        /** Loops over a slice count with ints from zero, which the JIT compiles better than longs from anywhere. */
        private Buffers slice(long from, int n) {
            MemorySegment[] slices = new MemorySegment[states.length];
            for (int i = 0; i < slices.length; i++) {
                slices[i] = floats(states[i], from, n);
            }
            return new Buffers(
                    floats(weights, from, n),
                    floats(gradients, from, n),
                    slices,
                    half == null ? null : half.asSlice(from * Short.BYTES, (long) n * Short.BYTES));
        }

        private static MemorySegment floats(MemorySegment memory, long from, int n) {
            return memory.asSlice(from * Float.BYTES, (long) n * Float.BYTES);
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
            double beta1,
            double beta2,
            float epsilon,
            float keep,
            float rate,
            float rootCorrection,
            float gradientScale) {
        /** Updates weights, means and mean squares of gradients times {@code gradientScale}. */
        public void run(Team team, Buffers buffers) {
            forChunks(team, buffers, this::update);
        }

        private void update(Buffers slice, int n) {
            MemorySegment weights = slice.weights();
            MemorySegment gradients = slice.gradients();
            MemorySegment means = slice.states()[0];
            MemorySegment squares = slice.states()[1];
            FloatVector oneLessBeta1 = FloatVector.broadcast(Lanes.F, (float) (1 - beta1));
            FloatVector oneLessBeta2 = FloatVector.broadcast(Lanes.F, (float) (1 - beta2));
            FloatVector decay2 = FloatVector.broadcast(Lanes.F, (float) beta2);
            for (int i = 0; i < n; i += Lanes.COUNT) {
                long at = (long) i * Float.BYTES;
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
                w.sub(m.div(v.sqrt().div(rootCorrection).add(epsilon)).mul(rate))
                        .intoMemorySegment(weights, at, LITTLE_ENDIAN);
            }
        }
    }

    /**
     * RMSprop (Tieleman and Hinton 2012), uncentred and without momentum, as torch has it.
     *
     * @param alpha what is kept of the mean squares
     * @param decay weight decay, added to the gradient
     */
    public record RmsProp(double alpha, float epsilon, float decay, float rate, float gradientScale) {
        /** Updates weights and mean squares of gradients times {@code gradientScale}. */
        public void run(Team team, Buffers buffers) {
            forChunks(team, buffers, this::update);
        }

        private void update(Buffers slice, int n) {
            MemorySegment weights = slice.weights();
            MemorySegment gradients = slice.gradients();
            MemorySegment squares = slice.states()[0];
            FloatVector oneLessAlpha = FloatVector.broadcast(Lanes.F, (float) (1 - alpha));
            FloatVector decays = FloatVector.broadcast(Lanes.F, decay);
            for (int i = 0; i < n; i += Lanes.COUNT) {
                long at = (long) i * Float.BYTES;
                FloatVector w = FloatVector.fromMemorySegment(Lanes.F, weights, at, LITTLE_ENDIAN);
                FloatVector g = FloatVector.fromMemorySegment(Lanes.F, gradients, at, LITTLE_ENDIAN)
                        .mul(gradientScale);
                g = w.fma(decays, g);
                FloatVector v = FloatVector.fromMemorySegment(Lanes.F, squares, at, LITTLE_ENDIAN)
                        .mul((float) alpha);
                v = g.mul(g).fma(oneLessAlpha, v);
                v.intoMemorySegment(squares, at, LITTLE_ENDIAN);
                w.sub(g.div(v.sqrt().add(epsilon)).mul(rate)).intoMemorySegment(weights, at, LITTLE_ENDIAN);
            }
        }
    }

    private interface Update {
        void run(Buffers slice, int n);
    }

    private static void forChunks(Team team, Buffers buffers, Update update) {
        long elements = buffers.elements();
        team.run(Math.toIntExact(Math.ceilDiv(elements, ELEMENTS_A_CHUNK)), (chunk, scratch) -> {
            long from = (long) chunk * ELEMENTS_A_CHUNK;
            int n = (int) Math.min(ELEMENTS_A_CHUNK, elements - from);
            Buffers slice = buffers.slice(from, n);
            update.run(slice, n);
            if (slice.half() != null) {
                Conversion.round(slice.weights(), slice.half(), n);
            }
        });
    }
}
