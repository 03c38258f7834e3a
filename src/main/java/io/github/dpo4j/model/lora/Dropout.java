package io.github.dpo4j.model.lora;

import io.github.dpo4j.kernel.Chance;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.Arrays;
import java.util.OptionalLong;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

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
        return x.mul(factors(seed.getAsLong(), x));
    }

    /** Returns 0 for what falls out and 1 / (1 - share) for the rest: {@link Chance#drop} for all of x at once, on its device. */
    private Tensor factors(long seed, Tensor x) {
        try (TensorScope scope = new TensorScope();
                NoGrad _ = new NoGrad()) {
            long[] ofRows = new long[Math.toIntExact(x.size(0))];
            Arrays.setAll(ofRows, row -> Chance.mix(seed, row));
            long[] ofColumns = new long[Math.toIntExact(x.size(1))];
            Arrays.setAll(ofColumns, Chance::step);
            Device device = Device.of(x);
            Tensor z = Tensors.ofLongs(ofRows, device).unsqueeze(1).add(Tensors.ofLongs(ofColumns, device));
            z = shiftedInto(z, 30).mul(new Scalar(Chance.FIRST));
            z = shiftedInto(z, 27).mul(new Scalar(Chance.SECOND));
            Tensor uniform =
                    shifted(shiftedInto(z, 31), 11).to(ScalarType.Double).mul(new Scalar(0x1p-53));
            Tensor kept = uniform.ge(new Scalar(share)).to(ScalarType.Float);
            return scope.keep(kept.mul(new Scalar(1 / (1 - share))).to(x.scalar_type()));
        }
    }

    private static Tensor shiftedInto(Tensor z, int bits) {
        return z.bitwise_xor(shifted(z, bits));
    }

    /** Shifts as >>> does: libtorch's shift brings in the sign. */
    private static Tensor shifted(Tensor z, int bits) {
        return z.bitwise_right_shift(new Scalar((long) bits)).bitwise_and(new Scalar((1L << (64 - bits)) - 1));
    }
}
