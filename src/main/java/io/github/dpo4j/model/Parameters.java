package io.github.dpo4j.model;

import io.github.dpo4j.safetensors.TensorSpec;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.HugePages;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.stream.Stream;
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

    /** What the random numbers of the pass under way are made from; empty where nothing is left to chance. */
    private OptionalLong chance = OptionalLong.empty();

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

    /** Puts weights into float32 buffers, which belong to the innermost scope. */
    public static Parameters trainable(WeightSource source, Device device, GradientStorage storage) {
        List<List<TensorSpec>> parts = source.parts();
        List<Placed> placed = new ArrayList<>();
        List<Long> ends = new ArrayList<>();
        long elements = 0;
        for (List<TensorSpec> part : parts) {
            elements = place(part.stream().filter(Parameters::isMatrix), elements, placed);
            ends.add(elements);
        }
        long decayed = elements;
        elements = place(parts.stream().flatMap(List::stream).filter(spec -> !isMatrix(spec)), elements, placed);
        GradientLayout layout = GradientLayout.of(storage, ends, elements);
        Map<String, Long> offsets = new LinkedHashMap<>();
        Map<String, Tensor> views = new LinkedHashMap<>();
        try (NoGrad _ = new NoGrad()) {
            Tensor weights = Tensors.largeZeros(device, ScalarType.Float, elements);
            Tensor gradients = HugePages.advise(Tensors.empty(device, ScalarType.Float, layout.elements()));
            Map<GradientLayout.Stretch, List<Tensor>> gaps = new HashMap<>();
            for (Placed place : placed) {
                TensorSpec spec = place.spec();
                Tensor view = weights.narrow(0, place.at(), spec.elements()).view(shape(spec));
                source.fill(spec, view);
                view.set_requires_grad(true);
                views.put(spec.name(), view);
                offsets.put(spec.name(), place.at());
                long gap = aligned(spec.elements()) - spec.elements();
                if (gap > 0) {
                    gaps.computeIfAbsent(layout.of(place.at()), _ -> new ArrayList<>())
                            .add(gradients.narrow(0, layout.at(place.at()) + spec.elements(), gap));
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
    private record Placed(TensorSpec spec, long at) {}

    /** Gives each tensor the next place; returns where the one after would begin. */
    private static long place(Stream<TensorSpec> tensors, long from, List<Placed> placed) {
        long at = from;
        for (TensorSpec spec : tensors.toList()) {
            placed.add(new Placed(spec, at));
            at += aligned(spec.elements());
        }
        return at;
    }

    /** As {@link #trainable} without gradients: matrices in {@code type}, vectors in float32 as the trained model has them. */
    public static Parameters frozen(WeightSource source, Device device, ScalarType type) {
        List<TensorSpec> tensors = source.parts().stream().flatMap(List::stream).toList();
        Map<String, Tensor> weights = new LinkedHashMap<>();
        long elements = tensors.stream()
                .filter(Parameters::isMatrix)
                .mapToLong(spec -> aligned(spec.elements()))
                .sum();
        try (NoGrad _ = new NoGrad()) {
            // One buffer: pieces between what loading frees would keep that memory from the system.
            Tensor matrices = HugePages.advise(Tensors.empty(device, type, elements));
            long at = 0;
            for (TensorSpec spec : tensors) {
                Tensor weight = isMatrix(spec)
                        ? matrices.narrow(0, at, spec.elements()).view(shape(spec))
                        : Tensors.empty(device, ScalarType.Float, shape(spec));
                at += isMatrix(spec) ? aligned(spec.elements()) : 0;
                source.fill(spec, weight);
                weights.put(spec.name(), weight);
            }
        }
        return new Parameters(device, weights, null);
    }

    private static boolean isMatrix(TensorSpec spec) {
        return spec.shape().size() > 1;
    }

    private static long[] shape(TensorSpec spec) {
        return spec.shape().stream().mapToLong(Long::longValue).toArray();
    }

    /** Returns how far a tensor of so many elements reaches in a flat buffer, up to where the next may start. */
    public static long aligned(long elements) {
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
        if (stretch.from() == stretch.to()) {
            return; // an adapter has no matrices outside layers, and perhaps none in some of them
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

    /** Leaves dropout to chance while {@code pass} runs: the same numbers for the same seed. */
    public void withChance(long seed, Runnable pass) {
        chance = OptionalLong.of(seed);
        try {
            pass.run();
        } finally {
            chance = OptionalLong.empty();
        }
    }

    /** Returns the seed of {@link #withChance}; empty outside it, where nothing is dropped. */
    public OptionalLong chance() {
        return chance;
    }

    /** Makes the next gradient the first of its sum. */
    public void zeroGradient() {
        trained();
        gradientIsStale = true;
    }
}
