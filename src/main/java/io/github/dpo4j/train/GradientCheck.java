package io.github.dpo4j.train;

import io.github.dpo4j.model.GradientStretch;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Predicate;

/** Holds backward against finite differences of the loss of one example, in one random direction of weight space. */
public final class GradientCheck {
    /** How far each weight moves, as a share of its tensor's root mean square; the best of them counts. */
    private static final double[] STEPS = {3e-3, 1e-2, 1e-3, 3e-2};

    /** Elements of a weight that move. */
    private static final int STRETCH = 1 << 14;

    private static final double TOLERANCE = 0.05;
    /** Float32 noise of a loss, relative to its size. */
    private static final double NOISE = 2e-6;

    private GradientCheck() {}

    /**
     * What the check found.
     *
     * @param autograd the slope by backward, {@code differences} by (L(w + h) - L(w - h)) / 2
     * @param gradNorm the gradient's norm at this example
     */
    public record Result(double loss, double gradNorm, double autograd, double differences, double step) {
        public double relativeError() {
            double size = Math.max(Math.abs(autograd), Math.abs(differences));
            return size == 0 ? 0 : Math.abs(autograd - differences) / size;
        }

        /** True if the two slopes agree to 5 %, or to the noise of the loss where they are that small. */
        public boolean agrees() {
            double noise = NOISE * Math.max(1, Math.abs(loss)) / step;
            double difference = Math.abs(autograd - differences);
            return difference <= TOLERANCE * Math.max(Math.abs(autograd), Math.abs(differences)) || difference <= noise;
        }
    }

    /** As {@link #run(Objective, Objective, Parameters, Predicate, int, long)} with all weights. */
    public static Result run(Objective objective, Parameters parameters, int example, long seed) {
        return run(objective, objective, parameters, _ -> true, example, seed);
    }

    /**
     * Runs the check on {@code example}; weights are put back bit for bit and gradients are left zero.
     *
     * @param held the same objective with all that no gradient flows through held at what it is now
     * @param moves which weights move, by name
     */
    public static Result run(
            Objective objective,
            Objective held,
            Parameters parameters,
            Predicate<String> moves,
            int example,
            long seed) {
        int[] microBatch = {example};
        List<Probe> probes = probes(parameters, moves, seed);
        double[] loss = new double[1];
        double[] squares = new double[1];
        double[] slope = new double[1];
        parameters.zeroGradient();
        parameters.readGradients(
                () -> {
                    try (TensorScope _ = new TensorScope()) {
                        loss[0] = sum(objective.run(microBatch, true));
                    }
                },
                gradients -> {
                    double norm = GradientNorm.of(gradients.values());
                    squares[0] += norm * norm;
                    for (Probe probe : probes) {
                        slope[0] += probe.slope(gradients);
                    }
                });
        double gradNorm = Math.sqrt(squares[0]);
        parameters.zeroGradient();
        Result best = null;
        try {
            for (double size : STEPS) {
                probes.forEach(probe -> probe.move(parameters, size));
                double above = sum(held.run(microBatch, false));
                probes.forEach(probe -> probe.move(parameters, -size));
                double below = sum(held.run(microBatch, false));
                Result result = new Result(loss[0], gradNorm, slope[0], (above - below) / (2 * size), size);
                if (best == null || result.relativeError() < best.relativeError()) {
                    best = result;
                }
                if (best.agrees()) {
                    break;
                }
            }
        } finally {
            probes.forEach(probe -> probe.restore(parameters));
        }
        if (best == null) {
            throw new IllegalStateException("no step size was tried");
        }
        return best;
    }

    private static double sum(Objective.MicroBatchResult result) {
        return Arrays.stream(result.lossShares()).sum();
    }

    /**
     * A run of one weight's elements that move together: all of a small weight, a random stretch of a large one, so that the
     * check costs the same for any model.
     *
     * @param from the first of them in the flat weights
     * @param direction normal noise of the weights' own root mean square; 1 % of a unit for a weight of zeros
     */
    @SuppressWarnings("ArrayRecordComponent") // plain numbers
    private record Probe(long from, float[] start, float[] direction) {
        /** Returns the slope along the direction; 0 where these are gradients of other weights. */
        double slope(GradientStretch gradients) {
            if (from < gradients.from() || from >= gradients.to()) {
                return 0;
            }
            double slope = 0;
            try (TensorScope _ = new TensorScope()) {
                float[] gradient =
                        Tensors.toFloats(gradients.values().narrow(0, from - gradients.from(), direction.length));
                for (int i = 0; i < gradient.length; i++) {
                    slope += (double) gradient[i] * direction[i];
                }
            }
            return slope;
        }

        /** Sets the weights to start + size x direction. */
        void move(Parameters parameters, double size) {
            float[] moved = new float[start.length];
            for (int i = 0; i < moved.length; i++) {
                moved[i] = (float) (start[i] + size * direction[i]);
            }
            write(parameters, moved);
        }

        void restore(Parameters parameters) {
            write(parameters, start);
        }

        private void write(Parameters parameters, float[] weights) {
            try (TensorScope _ = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                parameters.flat().narrow(0, from, weights.length).copy_(Tensors.ofFloats(weights, parameters.device()));
            }
        }
    }

    private static List<Probe> probes(Parameters parameters, Predicate<String> moves, long seed) {
        List<Probe> probes = new ArrayList<>();
        for (String name : parameters.byName().keySet().stream().filter(moves).toList()) {
            // A tensor's direction is its own, whatever other tensors there are.
            SplittableRandom random = new SplittableRandom(seed ^ name.hashCode());
            try (TensorScope _ = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                long elements = parameters.weight(name).numel();
                int length = (int) Math.min(STRETCH, elements);
                long from = parameters.offset(name) + random.nextLong(elements - length + 1);
                float[] start = Tensors.toFloats(parameters.flat().narrow(0, from, length));
                probes.add(new Probe(from, start, direction(start, random)));
            }
        }
        return probes;
    }

    private static float[] direction(float[] weights, SplittableRandom random) {
        double squares = 0;
        for (float weight : weights) {
            squares += (double) weight * weight;
        }
        double size = squares == 0 ? 0.01 : Math.sqrt(squares / weights.length);
        float[] direction = new float[weights.length];
        for (int i = 0; i < direction.length; i++) {
            direction[i] = (float) (size * random.nextGaussian());
        }
        return direction;
    }
}
