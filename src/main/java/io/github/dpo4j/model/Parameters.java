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
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * A model's weights by their names in its files. Trainable ones are float32 views of one flat buffer, matrices first, then the
 * vectors (biases, norms) that weight decay leaves alone; their gradients lie in one buffer too.
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

    /** Who reads gradients as they are made; null where nobody does. */
    private @Nullable Consumer<GradientStretch> reader;

    /**
     * The buffers behind trainable weights; {@code decayed} elements at their start are matrices'.
     *
     * @param gaps zeros between the weights of a stretch of gradients
     */
    private record Flat(
            Tensor weights,
            Tensor gradients,
            long decayed,
            Map<String, Long> offsets,
            GradientLayout layout,
            Map<GradientLayout.Stretch, List<Tensor>> gaps) {
        void clearGaps(GradientLayout.Stretch stretch) {
            try (NoGrad _ = new NoGrad()) {
                gaps.getOrDefault(stretch, List.of()).forEach(Tensor::zero_);
            }
        }
    }

    private Parameters(Device device, Map<String, Tensor> byName, @Nullable Flat flat) {
        this.device = device;
        this.byName = Collections.unmodifiableMap(byName);
        this.flat = flat;
    }

    /**
     * Reads a model's tensors into float32 buffers, which belong to the innermost scope.
     *
     * @param parts tensors outside layers, then each layer's
     * @throws UserError for a tensor of integers, or one with a NaN or infinite weight
     */
    static Parameters loadTrainable(
            SafetensorsFolder folder, List<List<TensorInfo>> parts, Device device, GradientStorage storage) {
        List<Placed> placed = new ArrayList<>();
        List<Long> ends = new ArrayList<>();
        long elements = 0;
        for (List<TensorInfo> part : parts) {
            elements = place(part.stream().filter(Parameters::isMatrix), elements, placed);
            ends.add(elements);
        }
        long decayed = elements;
        elements = place(parts.stream().flatMap(List::stream).filter(info -> !isMatrix(info)), elements, placed);
        GradientLayout layout = GradientLayout.of(storage, ends, elements);
        Map<String, Long> offsets = new LinkedHashMap<>();
        Map<String, Tensor> views = new LinkedHashMap<>();
        try (NoGrad _ = new NoGrad()) {
            Tensor weights = Tensors.largeZeros(device, ScalarType.Float, elements);
            Tensor gradients = HugePages.advise(Tensors.empty(device, ScalarType.Float, layout.elements()));
            Map<GradientLayout.Stretch, List<Tensor>> gaps = new HashMap<>();
            for (Placed place : placed) {
                TensorInfo info = place.info();
                Tensor view = weights.narrow(0, place.at(), info.elements()).view(shape(info));
                read(folder, info, view);
                view.set_requires_grad(true);
                views.put(info.name(), view);
                offsets.put(info.name(), place.at());
                long gap = aligned(info.elements()) - info.elements();
                if (gap > 0) {
                    gaps.computeIfAbsent(layout.of(place.at()), _ -> new ArrayList<>())
                            .add(gradients.narrow(0, layout.at(place.at()) + info.elements(), gap));
                }
            }
            Flat flat = new Flat(weights, gradients, decayed, offsets, layout, gaps);
            Parameters parameters = new Parameters(device, views, flat);
            if (storage == GradientStorage.WHOLE) {
                views.forEach((name, view) -> Tensors.accumulateInto(view, parameters.gradient(name)));
            }
            parameters.zeroGradient();
            return parameters;
        }
    }

    /** A tensor and where it begins in the flat buffer. */
    private record Placed(TensorInfo info, long at) {}

    /** Gives each tensor the next place; returns where the one after would begin. */
    private static long place(Stream<TensorInfo> tensors, long from, List<Placed> placed) {
        long at = from;
        for (TensorInfo info : tensors.toList()) {
            placed.add(new Placed(info, at));
            at += aligned(info.elements());
        }
        return at;
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

    /** Returns the buffer that gradients are summed in, laid out as {@link #flat}, which only {@link GradientStorage#WHOLE} has. */
    public Tensor flatGradient() {
        return wholeGradient().values();
    }

    /** As {@link #flatGradient}. */
    public GradientStretch wholeGradient() {
        requireWhole();
        if (takeOverwrite()) {
            trained().gradients().zero_();
        }
        GradientLayout.Stretch all = trained().layout().others().getFirst();
        trained().clearGaps(all);
        return new GradientStretch(0, trained().gradients());
    }

    private void requireWhole() {
        if (gradientStorage() != GradientStorage.WHOLE) {
            throw new IllegalStateException("gradients are kept by layer; only readGradients can have them all");
        }
    }

    public GradientStorage gradientStorage() {
        return trained().layout().storage();
    }

    /** Returns where the gradient of a weight is made, float32 in its shape; whoever writes there asked {@link #takeOverwrite}. */
    public Tensor gradient(String name) {
        Tensor weight = weight(name);
        return trained()
                .gradients()
                .narrow(0, trained().layout().at(offset(name)), weight.numel())
                .view(Tensors.shape(weight));
    }

    /**
     * Runs passes and hands on the gradients that they make, all weights' once: at the end and at once, or where gradients are
     * kept by layer, of one pass and each as soon as it is made. The reader may change the weights of what it has been given.
     */
    public void readGradients(Runnable passes, Consumer<GradientStretch> gradients) {
        if (gradientStorage() == GradientStorage.WHOLE) {
            passes.run();
            gradients.accept(wholeGradient());
            return;
        }
        reader = gradients;
        try {
            passes.run();
        } finally {
            reader = null;
        }
    }

    /** Says that the gradients of all matrices of a layer are made, and that nothing reads its weights again in this pass. */
    public void layerIsDone(int layer) {
        if (gradientStorage() == GradientStorage.BY_LAYER) {
            handOn(trained().layout().layers().get(layer));
        }
    }

    /** Says that the pass is at its end: gradients outside layers, and those of vectors, are made. */
    public void passIsDone() {
        if (gradientStorage() == GradientStorage.BY_LAYER) {
            trained().layout().others().forEach(this::handOn);
        }
    }

    private void handOn(GradientLayout.Stretch stretch) {
        if (reader == null) {
            throw new IllegalStateException("gradients are kept by layer and nobody reads them");
        }
        trained().clearGaps(stretch);
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            Tensor values = trained().gradients().narrow(0, stretch.at(), stretch.to() - stretch.from());
            reader.accept(new GradientStretch(stretch.from(), values));
        }
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

    /** Returns the part of {@code buffer}, laid out as {@link #flat}, that belongs to a weight, in its shape. */
    public Tensor part(Tensor buffer, String name) {
        Tensor weight = weight(name);
        return buffer.narrow(0, offset(name), weight.numel()).view(Tensors.shape(weight));
    }

    /** Returns where a weight begins in {@link #flat}. */
    public long offset(String name) {
        Long offset = trained().offsets().get(name);
        if (offset == null) {
            throw new IllegalArgumentException("the model has no weight " + name);
        }
        return offset;
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
