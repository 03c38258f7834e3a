package io.github.dpo4j.torch;

import java.lang.foreign.MemorySegment;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/** Bulk moves between Java memory and tensors, and the few libtorch calls whose JavaCPP form is unwieldy. */
public final class Tensors {
    private Tensors() {}

    /** Returns the ids as int64 [n]. */
    public static Tensor ofInts(int[] values, Device device) {
        long[] longs = new long[values.length];
        for (int i = 0; i < values.length; i++) {
            longs[i] = values[i];
        }
        return ofLongs(longs, device);
    }

    /** Returns the values as int64 [n]. */
    public static Tensor ofLongs(long[] values, Device device) {
        Tensor host = empty(Device.CPU, ScalarType.Long, values.length);
        host.data_ptr_long().put(values);
        return onto(host, device);
    }

    /** Returns the values as float32 [n]. */
    public static Tensor ofFloats(float[] values, Device device) {
        Tensor host = empty(Device.CPU, ScalarType.Float, values.length);
        host.data_ptr_float().put(values);
        return onto(host, device);
    }

    /** Returns the values as float64 [n]. */
    public static Tensor ofDoubles(double[] values, Device device) {
        Tensor host = empty(Device.CPU, ScalarType.Double, values.length);
        host.data_ptr_double().put(values);
        return onto(host, device);
    }

    /** From page-locked memory, so that the copy runs beside the kernels already queued. */
    private static Tensor onto(Tensor host, Device device) {
        return device.isCuda()
                ? host.pin_memory().to(device.options(host.scalar_type()), true, false, new MemoryFormatOptional())
                : host;
    }

    public static Tensor empty(Device device, ScalarType type, long... shape) {
        return torch.empty(shape, device.options(type), new MemoryFormatOptional());
    }

    public static Tensor zeros(Device device, ScalarType type, long... shape) {
        return torch.zeros(shape, device.options(type));
    }

    /** As {@link #zeros} for a buffer of many megabytes, on large pages where the system has them. */
    public static Tensor largeZeros(Device device, ScalarType type, long elements) {
        Tensor buffer = HugePages.advise(empty(device, type, elements));
        try (NoGrad _ = new NoGrad()) {
            return buffer.zero_();
        }
    }

    public static Tensor full(Device device, ScalarType type, double value, long... shape) {
        return torch.full(shape, new Scalar(value), device.options(type));
    }

    /** Reads all elements in row-major order, converted to float32. */
    public static float[] toFloats(Tensor tensor) {
        try (TensorScope _ = new TensorScope()) {
            Tensor host = tensor.detach().to(ScalarType.Float).cpu().contiguous();
            float[] values = new float[Math.toIntExact(host.numel())];
            host.data_ptr_float().get(values);
            return values;
        }
    }

    /** Reads all elements in row-major order, converted to float64. */
    public static double[] toDoubles(Tensor tensor) {
        try (TensorScope _ = new TensorScope()) {
            Tensor host = tensor.detach().to(ScalarType.Double).cpu().contiguous();
            double[] values = new double[Math.toIntExact(host.numel())];
            host.data_ptr_double().get(values);
            return values;
        }
    }

    /** Reads all elements in row-major order, converted to int64. */
    public static long[] toLongs(Tensor tensor) {
        try (TensorScope _ = new TensorScope()) {
            Tensor host = tensor.detach().to(ScalarType.Long).cpu().contiguous();
            long[] values = new long[Math.toIntExact(host.numel())];
            host.data_ptr_long().get(values);
            return values;
        }
    }

    /** Copies raw little-endian elements of {@code type} into the contiguous {@code target}, converting to its dtype and device. */
    public static void copyInto(Tensor target, MemorySegment source, ScalarType type) {
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            if (target.scalar_type().intern() == type && !target.is_cuda()) {
                bytesOf(target).copyFrom(source);
            } else {
                Tensor host = empty(Device.CPU, type, shape(target));
                bytesOf(host).copyFrom(source);
                target.copy_(host);
            }
        }
    }

    /** Returns the memory of a contiguous CPU tensor; valid while the tensor lives. */
    @SuppressWarnings("restricted") // the segment has exactly the tensor's bytes
    public static MemorySegment bytesOf(Tensor tensor) {
        if (!tensor.is_contiguous()) {
            throw new IllegalArgumentException("only a contiguous tensor's memory is in row-major order");
        }
        return MemorySegment.ofAddress(tensor.data_ptr().address()).reinterpret(tensor.nbytes());
    }

    /**
     * Returns the same native memory as a segment of the class that {@link #bytesOf} gives; valid while the original is. Kernels
     * that meet one class of segment alone compile to better code.
     */
    @SuppressWarnings("restricted") // the segment has exactly the original's bytes
    public static MemorySegment plain(MemorySegment mapped) {
        return MemorySegment.ofAddress(mapped.address()).reinterpret(mapped.byteSize());
    }

    /** Returns the sizes of {@code tensor}. */
    public static long[] shape(Tensor tensor) {
        long[] shape = new long[Math.toIntExact(tensor.dim())];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = tensor.size(i);
        }
        return shape;
    }

    /** Concatenates along {@code dim}; one tensor is returned as it is. */
    public static Tensor cat(long dim, Tensor... parts) {
        return parts.length == 1 ? parts[0] : torch.cat(new TensorVector(parts), dim);
    }

    /** Returns the sums of N segments that lie end to end in {@code values}, each added up by itself; {@code lengths} are int64 [N] on the same device. */
    public static Tensor segmentSums(Tensor values, Tensor lengths) {
        return torch.segment_reduce(
                values,
                "sum",
                new TensorOptional(lengths),
                new TensorOptional(),
                new TensorOptional(),
                0,
                true, // no check of the lengths, for which a GPU would have to be waited for
                new ScalarOptional());
    }

    /** Scaled dot-product attention over [1 or B, heads, time, headDim]; {@code mask} is additive, of the queries' dtype, or null. */
    public static Tensor attention(Tensor q, Tensor k, Tensor v, @Nullable Tensor mask, boolean causal, double scale) {
        return torch.scaled_dot_product_attention(
                q,
                k,
                v,
                mask == null ? new TensorOptional() : new TensorOptional(mask),
                0.0,
                causal,
                new DoubleOptional(scale),
                false);
    }

    /** Runs autograd from {@code tensor} with the gradient that came down to it. */
    public static void backward(Tensor tensor, Tensor gradient) {
        tensor.backward(gradient, new BoolOptional(), false, new TensorArrayRefOptional());
    }

    /** Makes {@code gradient} the place where {@code parameter}'s gradient is summed up. */
    public static void accumulateInto(Tensor parameter, Tensor gradient) {
        parameter.mutable_grad().put(gradient);
    }
}
