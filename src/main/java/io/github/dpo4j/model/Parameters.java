package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import io.github.dpo4j.kernel.Conversion;
import io.github.dpo4j.model.fused.FusedDecoder;
import io.github.dpo4j.safetensors.SafetensorsFolder;
import io.github.dpo4j.safetensors.TensorInfo;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.HugePages;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * A model's weights by their names in its files. Trainable ones are float32 views of one flat buffer, matrices first, then the
 * vectors (biases, norms) that weight decay leaves alone, with a flat gradient buffer of the same layout.
 */
public final class Parameters {
    /** Views start at multiples of this many elements, so that kernels find them aligned. */
    private static final int ALIGNMENT = 32;

    private final Device device;
    private final Map<String, Tensor> byName;
    private final @Nullable Flat flat;
    private @Nullable Tensor half;
    private long halfVersion = -1;
    private long changes;
    private boolean gradientIsStale;

    /** The buffers behind trainable weights; {@code decayed} elements at their start are matrices'. */
    private record Flat(Tensor weights, Tensor gradients, long decayed, Map<String, Long> offsets) {}

    private Parameters(Device device, Map<String, Tensor> byName, @Nullable Flat flat) {
        this.device = device;
        this.byName = Collections.unmodifiableMap(byName);
        this.flat = flat;
    }

    /**
     * Reads {@code tensors} of the folder into float32 buffers, which belong to the innermost scope.
     *
     * @throws UserError for a tensor of integers, or one with a NaN or infinite weight
     */
    static Parameters loadTrainable(SafetensorsFolder folder, List<TensorInfo> tensors, Device device) {
        List<TensorInfo> matricesFirst = Stream.concat(
                        tensors.stream().filter(Parameters::isMatrix),
                        tensors.stream().filter(t -> !isMatrix(t)))
                .toList();
        long elements = 0;
        long decayed = 0;
        for (TensorInfo info : matricesFirst) {
            elements += aligned(info.elements());
            decayed = isMatrix(info) ? elements : decayed;
        }
        Map<String, Tensor> views = new LinkedHashMap<>();
        Map<String, Long> offsets = new LinkedHashMap<>();
        try (NoGrad _ = new NoGrad()) {
            Tensor weights = Tensors.largeZeros(device, ScalarType.Float, elements);
            Tensor gradients = HugePages.advise(Tensors.empty(device, ScalarType.Float, elements));
            long at = 0;
            for (TensorInfo info : matricesFirst) {
                Tensor view = weights.narrow(0, at, info.elements()).view(shape(info));
                read(folder, info, view);
                view.set_requires_grad(true);
                long end = at + info.elements();
                gradients.narrow(0, end, at + aligned(info.elements()) - end).zero_();
                Tensors.accumulateInto(
                        view, gradients.narrow(0, at, info.elements()).view(shape(info)));
                views.put(info.name(), view);
                offsets.put(info.name(), at);
                at += aligned(info.elements());
            }
            Parameters parameters = new Parameters(device, views, new Flat(weights, gradients, decayed, offsets));
            parameters.zeroGradient();
            return parameters;
        }
    }

    /** As {@link #loadTrainable} without gradients: matrices in {@code type}, vectors in float32 as the trained model has them. */
    static Parameters loadFrozen(SafetensorsFolder folder, List<TensorInfo> tensors, Device device, ScalarType type) {
        Map<String, Tensor> weights = new LinkedHashMap<>();
        long elements = tensors.stream()
                .filter(Parameters::isMatrix)
                .mapToLong(info -> aligned(info.elements()))
                .sum();
        try (NoGrad _ = new NoGrad()) {
            // One buffer: pieces between what loading frees would keep that memory from the system.
            Tensor matrices = HugePages.advise(Tensors.empty(device, type, elements));
            long at = 0;
            for (TensorInfo info : tensors) {
                Tensor weight = isMatrix(info)
                        ? matrices.narrow(0, at, info.elements()).view(shape(info))
                        : Tensors.empty(device, ScalarType.Float, shape(info));
                at += isMatrix(info) ? aligned(info.elements()) : 0;
                read(folder, info, weight);
                weights.put(info.name(), weight);
            }
        }
        return new Parameters(device, weights, null);
    }

    private static boolean isMatrix(TensorInfo info) {
        return info.shape().size() > 1;
    }

    private static long[] shape(TensorInfo info) {
        return info.shape().stream().mapToLong(Long::longValue).toArray();
    }

    private static void read(SafetensorsFolder folder, TensorInfo info, Tensor target) {
        String what = folder.path() + ": tensor '" + info.name() + "'";
        ScalarType type = StoredType.of(info.dtype(), what);
        boolean byKernel =
                FusedDecoder.runsOn(Device.of(target)) && (type == ScalarType.Float || type == ScalarType.BFloat16);
        if (!(byKernel ? convert(folder.data(info.name()), type, target) : copy(folder, info, type, target))) {
            throw new UserError(what + " holds NaN or infinite weights; the file is damaged or its training diverged");
        }
    }

    /** Copies and converts in one pass over the mapped file; returns whether all weights are finite. */
    private static boolean convert(MemorySegment data, ScalarType type, Tensor target) {
        return Conversion.copy(
                FusedDecoder.team(),
                new Conversion.Numbers(Tensors.plain(data), type == ScalarType.BFloat16),
                new Conversion.Numbers(
                        Tensors.bytesOf(target), target.scalar_type().intern() == ScalarType.BFloat16));
    }

    private static boolean copy(SafetensorsFolder folder, TensorInfo info, ScalarType type, Tensor target) {
        Tensors.copyInto(target, folder.data(info.name()), type);
        try (TensorScope _ = new TensorScope()) {
            // A sum of absolute values is finite only if all of them are; float64 keeps it from overflowing.
            return Double.isFinite(
                    target.abs().sum(new ScalarTypeOptional(ScalarType.Double)).item_double());
        }
    }

    /** Returns how far a tensor of so many elements reaches in a flat buffer, up to where the next may start. */
    static long aligned(long elements) {
        return Math.ceilDiv(elements, (long) ALIGNMENT) * ALIGNMENT;
    }

    public Device device() {
        return device;
    }

    /** Returns the weights by name, matrices first. */
    public Map<String, Tensor> byName() {
        return byName;
    }

    /** True where gradients are summed: {@link #flat} and its companions exist. */
    public boolean isTrainable() {
        return flat != null;
    }

    /** Returns a number that changes whenever the trained weights do, by libtorch or by {@link #changed}. */
    public long version() {
        return trained().weights()._version() + changes;
    }

    /** Says that the weights' memory was written without libtorch. */
    public void changed() {
        changes++;
    }

    /** Returns room for the trained matrices in bfloat16, laid out as {@link #flat}; made at the first call, in the innermost scope. */
    public Tensor half() {
        if (half == null) {
            halfVersion = -1;
            half = HugePages.advise(
                    Tensors.empty(device, ScalarType.BFloat16, trained().decayed()));
        }
        return half;
    }

    /** True once {@link #half} has been asked for. */
    public boolean hasHalf() {
        return half != null;
    }

    /** True where {@link #half} holds something else than the weights, rounded. */
    public boolean halfIsStale() {
        return halfVersion != version();
    }

    /** Says that {@link #half} holds the weights, rounded. */
    public void halfIsCurrent() {
        halfVersion = version();
    }

    /** Returns a weight by its name in the files. */
    public Tensor weight(String name) {
        Tensor weight = byName.get(name);
        if (weight == null) {
            throw new IllegalArgumentException("the model has no weight " + name);
        }
        return weight;
    }

    /** Returns the buffer that holds all weights (and zeros between them), float32 [n]; throws on a frozen model. */
    public Tensor flat() {
        return trained().weights();
    }

    /** Returns the buffer that gradients are summed in, float32 [n]; throws on a frozen model. */
    public Tensor flatGradient() {
        if (takeOverwrite()) {
            trained().gradients().zero_();
        }
        return trained().gradients();
    }

    /** As {@link #flatGradient} where the caller writes every element, or asked {@link #takeOverwrite} before. */
    public Tensor gradientMemory() {
        return trained().gradients();
    }

    /** True, once, after {@link #zeroGradient}: whoever asks then overwrites all gradients rather than adding to them. */
    public boolean takeOverwrite() {
        boolean stale = gradientIsStale;
        gradientIsStale = false;
        return stale;
    }

    /** Returns how many elements at the start of the buffers weight decay applies to. */
    public long decayedElements() {
        return trained().decayed();
    }

    /** Returns the part of {@code buffer}, of the flat layout, that belongs to a weight, in its shape. */
    public Tensor part(Tensor buffer, String name) {
        Tensor weight = weight(name);
        Long offset = trained().offsets().get(name);
        if (offset == null) {
            throw new IllegalArgumentException("the model has no weight " + name);
        }
        return buffer.narrow(0, offset, weight.numel()).view(Tensors.shape(weight));
    }

    private Flat trained() {
        if (flat == null) {
            throw new IllegalStateException("a frozen model has no gradients");
        }
        return flat;
    }

    /** Returns the number of weights, without alignment. */
    public long count() {
        return byName.values().stream().mapToLong(Tensor::numel).sum();
    }

    /** Makes the next gradient the first of its sum. */
    public void zeroGradient() {
        trained();
        gradientIsStale = true;
    }
}
