package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import io.github.dpo4j.kernel.Conversion;
import io.github.dpo4j.model.fused.FusedDecoder;
import io.github.dpo4j.safetensors.DType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.lang.foreign.MemorySegment;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Reads tensors as files hold them. */
public final class StoredWeights {
    private StoredWeights() {}

    /**
     * Converts a tensor's bytes to the target's type.
     *
     * @param what names the tensor and where it is from
     * @throws UserError for a tensor of integers, or one with a NaN or infinite weight
     */
    public static void read(MemorySegment data, DType dtype, Tensor target, String what) {
        ScalarType type = StoredType.of(dtype, what);
        boolean byKernel =
                FusedDecoder.runsOn(Device.of(target)) && (type == ScalarType.Float || type == ScalarType.BFloat16);
        if (!(byKernel ? convert(data, type, target) : copy(data, type, target))) {
            throw new UserError(what + " holds NaN or infinite weights; the file is damaged or its training diverged");
        }
    }

    /** Returns libtorch's type of a file's floats. */
    public static ScalarType type(DType dtype) {
        return StoredType.of(dtype, "a weight");
    }

    /** Copies and converts in one pass over the mapped file; returns whether all weights are finite. */
    private static boolean convert(MemorySegment data, ScalarType type, Tensor target) {
        return Conversion.copy(
                FusedDecoder.team(),
                new Conversion.Numbers(Tensors.plain(data), type == ScalarType.BFloat16),
                new Conversion.Numbers(
                        Tensors.bytesOf(target), target.scalar_type().intern() == ScalarType.BFloat16));
    }

    private static boolean copy(MemorySegment data, ScalarType type, Tensor target) {
        Tensors.copyInto(target, data, type);
        try (TensorScope _ = new TensorScope()) {
            // A sum of absolute values is finite only if all of them are; float64 keeps it from overflowing.
            return Double.isFinite(
                    target.abs().sum(new ScalarTypeOptional(ScalarType.Double)).item_double());
        }
    }
}
