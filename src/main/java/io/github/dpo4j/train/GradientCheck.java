package io.github.dpo4j.train;

import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import java.util.Arrays;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Holds autograd against finite differences of the loss of one example, in one random direction of weight space. */
public final class GradientCheck {
    /** How far each weight moves, as a share of its tensor's root mean square; the best of them counts. */
    private static final double[] STEPS = {3e-3, 1e-2, 1e-3, 3e-2};

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

    /** Runs the check on {@code example}; weights are put back bit for bit and gradients are left zero. */
    public static Result run(Objective objective, Parameters parameters, int example, long seed) {
        int[] microBatch = {example};
        parameters.zeroGradient();
        double loss;
        try (TensorScope _ = new TensorScope()) {
            loss = sum(objective.run(microBatch, true));
        }
        double gradNorm = GradientNorm.of(parameters.flatGradient());
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            Tensor start = parameters.flat().clone();
            double autograd = slope(parameters, seed);
            parameters.zeroGradient();
            Result best = null;
            for (double size : STEPS) {
                move(parameters, start, seed, size);
                double above = sum(objective.run(microBatch, false));
                move(parameters, start, seed, -size);
                double below = sum(objective.run(microBatch, false));
                Result result = new Result(loss, gradNorm, autograd, (above - below) / (2 * size), size);
                if (best == null || result.relativeError() < best.relativeError()) {
                    best = result;
                }
                if (best.agrees()) {
                    break;
                }
            }
            parameters.flat().copy_(start);
            if (best == null) {
                throw new IllegalStateException("no step size was tried");
            }
            return best;
        }
    }

    private static double sum(Objective.MicroBatchResult result) {
        return Arrays.stream(result.lossShares()).sum();
    }

    /** The gradient times the direction. */
    private static double slope(Parameters parameters, long seed) {
        torch.manual_seed(seed);
        double slope = 0;
        for (String name : parameters.byName().keySet()) {
            try (TensorScope _ = new TensorScope()) {
                Tensor gradient = parameters.part(parameters.flatGradient(), name);
                Tensor product = gradient.mul(direction(parameters.part(parameters.flat(), name)));
                slope += product.sum(new ScalarTypeOptional(ScalarType.Double)).item_double();
            }
        }
        return slope;
    }

    /** Sets the weights to start + size x direction; the same seed gives the same direction. */
    private static void move(Parameters parameters, Tensor start, long seed, double size) {
        torch.manual_seed(seed);
        for (String name : parameters.byName().keySet()) {
            try (TensorScope _ = new TensorScope()) {
                Tensor origin = parameters.part(start, name);
                parameters.part(parameters.flat(), name).copy_(origin.add(direction(origin), new Scalar(size)));
            }
        }
    }

    /** Normal noise of the weights' own root mean square; a tensor of zeros moves by 1 % of a unit. */
    private static Tensor direction(Tensor weights) {
        double rms = Math.sqrt(weights.square().mean().item_double());
        return torch.randn_like(weights).mul(new Scalar(rms == 0 ? 0.01 : rms));
    }
}
