package io.github.dpo4j.model.lora;

import io.github.dpo4j.kernel.Chance;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.Tensors;
import java.util.OptionalLong;
import org.bytedeco.pytorch.Tensor;

/**
 * Dropout before A (Srivastava et al. 2014): in training an element is 0 with probability {@code share} and divided by
 * 1 - share otherwise. Which falls out depends on the pass's seed, the module, the token's place in its pack, and the feature.
 *
 * @param parameters know whether a training pass is under way, and its seed
 * @param module tells modules apart
 */
public record Dropout(double share, Parameters parameters, int module) {
    /** Returns what decides what falls out now; empty where nothing does. */
    public OptionalLong seed() {
        OptionalLong chance = parameters.chance();
        return share == 0 || chance.isEmpty()
                ? OptionalLong.empty()
                : OptionalLong.of(Chance.mix(chance.getAsLong(), module));
    }

    /** Returns x [T, in] or what is left of it. */
    Tensor apply(Tensor x) {
        OptionalLong seed = seed();
        if (seed.isEmpty()) {
            return x;
        }
        int rows = Math.toIntExact(x.size(0));
        int width = Math.toIntExact(x.size(1));
        float[] factors = new float[rows * width];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < width; column++) {
                factors[row * width + column] =
                        Chance.keeps(seed.getAsLong(), row, column, share) ? (float) (1 / (1 - share)) : 0;
            }
        }
        Tensor mask = Tensors.ofFloats(factors, Device.of(x)).view(rows, width);
        return x.mul(mask.to(x.scalar_type()));
    }
}
