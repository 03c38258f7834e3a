package io.github.dpo4j.train;

import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.kernel.Updates;
import io.github.dpo4j.model.GradientStretch;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.model.fused.FusedDecoder;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Updates the flat weights from their gradients, in slices that stay in the cache from the first operation to the last. Its
 * states are buffers of the same layout and belong to the scope it was made in.
 */
public final class Optimizer {
    private static final long SLICE = 1 << 18;

    private final OptimizerSettings settings;
    private final Parameters parameters;
    private final Map<String, Tensor> states = new LinkedHashMap<>();

    public Optimizer(OptimizerSettings settings, Parameters parameters) {
        this.settings = settings;
        this.parameters = parameters;
        List<String> names = switch (settings) {
            case OptimizerSettings.AdamW adam -> List.of("exp_avg", "exp_avg_sq");
            case OptimizerSettings.RmsProp rms -> List.of("square_avg");
        };
        for (String name : names) {
            states.put(
                    name,
                    Tensors.largeZeros(
                            parameters.device(),
                            ScalarType.Float,
                            parameters.flat().numel()));
        }
    }

    /** Returns the states by torch's names, float32 [n] each. */
    public Map<String, Tensor> states() {
        return states;
    }

    /**
     * Makes the update of the 1-based {@code step} with this learning rate, from the whole gradient times
     * {@code gradientScale}.
     */
    public void step(double learningRate, long step, double gradientScale) {
        update(parameters.wholeGradient(), learningRate, step, gradientScale);
        finish();
    }

    /** As {@link #step} for some of the weights; call {@link #finish} when all have been updated. */
    public void update(GradientStretch gradients, double learningRate, long step, double gradientScale) {
        if (!onFused() && gradientScale != 1) {
            try (TensorScope _ = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                gradients.values().mul_(new Scalar(gradientScale));
            }
        }
        long decayed = Math.clamp(parameters.decayedElements(), gradients.from(), gradients.to());
        update(gradients, gradients.from(), decayed, learningRate, step, settings.weightDecay(), gradientScale);
        update(gradients, decayed, gradients.to(), learningRate, step, 0, gradientScale);
    }

    /** Says that all weights have been updated. */
    public void finish() {
        if (onFused()) {
            parameters.changed();
            parameters.halfIsCurrent();
        }
    }

    private boolean onFused() {
        return FusedDecoder.runsOn(parameters.device());
    }

    private void update(
            GradientStretch gradients,
            long from,
            long to,
            double learningRate,
            long step,
            double weightDecay,
            double gradientScale) {
        long slice = onFused() ? to - from : SLICE;
        for (long at = from; at < to; at += slice) {
            try (TensorScope _ = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                long length = Math.min(slice, to - at);
                Tensor gradient = gradients.values().narrow(0, at - gradients.from(), length);
                if (onFused()) {
                    fused(gradient, at, learningRate, step, weightDecay, gradientScale);
                } else {
                    update(gradient, at, learningRate, step, weightDecay);
                }
            }
        }
    }

    private void fused(
            Tensor gradient, long at, double learningRate, long step, double weightDecay, double gradientScale) {
        long length = gradient.numel();
        boolean half = at < parameters.decayedElements() && parameters.hasHalf();
        Updates.Buffers buffers = new Updates.Buffers(
                slice(parameters.flat(), at, length),
                Tensors.bytesOf(gradient),
                states.values().stream().map(state -> slice(state, at, length)).toArray(MemorySegment[]::new),
                half ? Tensors.bytesOf(parameters.half()).asSlice(at * Short.BYTES, length * Short.BYTES) : null);
        Team team = FusedDecoder.team();
        switch (settings) {
            case OptimizerSettings.AdamW adam ->
                new Updates.AdamW(
                                adam.beta1(),
                                adam.beta2(),
                                (float) adam.epsilon(),
                                (float) (1 - learningRate * weightDecay),
                                (float) (learningRate / (1 - Math.pow(adam.beta1(), (double) step))),
                                (float) Math.sqrt(1 - Math.pow(adam.beta2(), (double) step)),
                                (float) gradientScale)
                        .run(team, buffers);
            case OptimizerSettings.RmsProp rms ->
                new Updates.RmsProp(
                                rms.alpha(), (float) rms.epsilon(), (float) weightDecay, (float) learningRate, (float)
                                        gradientScale)
                        .run(team, buffers);
        }
    }

    private static MemorySegment slice(Tensor buffer, long at, long length) {
        return Tensors.bytesOf(buffer).asSlice(at * Float.BYTES, length * Float.BYTES);
    }

    private void update(Tensor gradient, long at, double learningRate, long step, double weightDecay) {
        long length = gradient.numel();
        Tensor weight = parameters.flat().narrow(0, at, length);
        switch (settings) {
            case OptimizerSettings.AdamW adam -> {
                Tensor mean = state("exp_avg", at, length);
                Tensor square = state("exp_avg_sq", at, length);
                if (weightDecay > 0) {
                    weight.mul_(new Scalar(1 - learningRate * weightDecay));
                }
                mean.lerp_(gradient, new Scalar(1 - adam.beta1()));
                square.mul_(new Scalar(adam.beta2())).addcmul_(gradient, gradient, new Scalar(1 - adam.beta2()));
                double correction1 = 1 - Math.pow(adam.beta1(), (double) step);
                double correction2 = Math.sqrt(1 - Math.pow(adam.beta2(), (double) step));
                Tensor denominator = square.sqrt().div_(new Scalar(correction2)).add_(new Scalar(adam.epsilon()));
                weight.addcdiv_(mean, denominator, new Scalar(-learningRate / correction1));
            }
            case OptimizerSettings.RmsProp rms -> {
                Tensor square = state("square_avg", at, length);
                Tensor direction = weightDecay > 0 ? gradient.add(weight, new Scalar(weightDecay)) : gradient;
                square.mul_(new Scalar(rms.alpha())).addcmul_(direction, direction, new Scalar(1 - rms.alpha()));
                Tensor denominator = square.sqrt().add_(new Scalar(rms.epsilon()));
                weight.addcdiv_(direction, denominator, new Scalar(-learningRate));
            }
        }
    }

    private Tensor state(String name, long at, long length) {
        Tensor state = states.get(name);
        if (state == null) {
            throw new IllegalStateException("no optimizer state " + name);
        }
        return state.narrow(0, at, length);
    }
}
