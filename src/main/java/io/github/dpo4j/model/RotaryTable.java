package io.github.dpo4j.model;

import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.Tensors;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Cosines and sines of one batch's positions, [T, 1, rotaryWidth / 2] in the compute type. */
record RotaryTable(Tensor cos, Tensor sin, int rotaryWidth) {

    /** Computes the angles in float32, as transformers does; {@code positions} is int64 [T]. */
    static RotaryTable of(Rotary rotary, Tensor positions, Device device, ScalarType type) {
        Tensor angles = positions
                .to(ScalarType.Float)
                .unsqueeze(-1)
                .mul(Tensors.ofFloats(rotary.frequencies(), device))
                .unsqueeze(1);
        Scalar factor = new Scalar(rotary.scaling().attentionFactor());
        return new RotaryTable(
                angles.cos().mul(factor).to(type), angles.sin().mul(factor).to(type), rotary.width());
    }

    /** Rotates the first rotaryWidth features of [T, heads, headWidth]: feature i with feature i + rotaryWidth / 2. */
    Tensor rotate(Tensor x) {
        long half = rotaryWidth / 2;
        Tensor first = x.narrow(2, 0, half);
        Tensor second = x.narrow(2, half, half);
        Tensor turnedFirst = first.mul(cos).sub(second.mul(sin));
        Tensor turnedSecond = second.mul(cos).add(first.mul(sin));
        long rest = x.size(2) - rotaryWidth;
        return rest == 0
                ? Tensors.cat(2, turnedFirst, turnedSecond)
                : Tensors.cat(2, turnedFirst, turnedSecond, x.narrow(2, rotaryWidth, rest));
    }
}
