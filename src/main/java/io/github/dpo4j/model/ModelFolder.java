package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import io.github.dpo4j.model.fused.FusedDecoder;
import io.github.dpo4j.safetensors.Layout;
import io.github.dpo4j.safetensors.SafetensorsFolder;
import io.github.dpo4j.safetensors.TensorInfo;
import io.github.dpo4j.safetensors.TensorSpec;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A Hugging Face model folder: what kind of model it holds and how its weights lie in files. */
public record ModelFolder(Path path, ModelConfig config, ModelFamily family, DecoderSettings settings, Layout layout) {

    /** Reads config.json and the headers of the weight files, no weights; throws {@link UserError} for what is broken. */
    public static ModelFolder open(Path path) {
        ModelConfig config = ModelConfig.read(path);
        ModelFamily family = ModelFamily.of(config);
        DecoderSettings settings = family.settings(config);
        try (SafetensorsFolder files = SafetensorsFolder.open(path)) {
            return new ModelFolder(path, config, family, settings, files.layout());
        }
    }

    /** Loads a model to be trained: float32 master weights with gradients, computing in {@code type}. */
    public CausalLm loadTrainable(Device device, ComputeType type) {
        return loadTrainable(device, type, GradientStorage.WHOLE);
    }

    /** As {@link #loadTrainable(Device, ComputeType)}; only the hand-written backward can keep gradients by layer. */
    public CausalLm loadTrainable(Device device, ComputeType type, GradientStorage gradients) {
        if (gradients == GradientStorage.BY_LAYER && !FusedDecoder.runsOn(device)) {
            throw new IllegalArgumentException("autograd makes all gradients at once");
        }
        return load(type, (files, parts) -> Parameters.loadTrainable(files, parts, device, gradients));
    }

    /** Loads a model that is only read: matrices in the compute type, no gradients. */
    public CausalLm loadFrozen(Device device, ComputeType type) {
        return load(
                type,
                (files, parts) -> Parameters.loadFrozen(
                        files, parts.stream().flatMap(List::stream).toList(), device, type.scalarType()));
    }

    private CausalLm load(ComputeType type, BiFunction<SafetensorsFolder, List<List<TensorInfo>>, Parameters> loading) {
        try (SafetensorsFolder files = SafetensorsFolder.open(path)) {
            Map<String, TensorInfo> tensors = files.tensors();
            WeightNames names = family.names(settings, tensors.keySet());
            refuseUntiedCopy(files, names);
            List<TensorInfo> weights = tensors.values().stream()
                    .filter(tensor -> !family.isBuffer(tensor.name()) && !isTiedHead(names, tensor.name()))
                    .toList();
            Parameters parameters = loading.apply(files, byLayer(names, weights, TensorInfo::name));
            return new DecoderBuilder(settings, names, new Weights(path, parameters.byName())).build(parameters, type);
        }
    }

    /** Returns what is outside layers, then each layer's. */
    private <T> List<List<T>> byLayer(WeightNames names, List<T> tensors, Function<T, String> name) {
        List<List<T>> parts = new ArrayList<>();
        for (int layer = -1; layer < settings.layers(); layer++) {
            parts.add(new ArrayList<>());
        }
        for (T tensor : tensors) {
            int layer = names.layerOf(name.apply(tensor));
            parts.get(layer < settings.layers() ? layer + 1 : 0).add(tensor);
        }
        return parts;
    }

    /** Counts the weights that a model loaded from here has. */
    public WeightCounts counts() {
        List<TensorSpec> all =
                layout.files().stream().flatMap(file -> file.tensors().stream()).toList();
        WeightNames names =
                family.names(settings, all.stream().map(TensorSpec::name).collect(Collectors.toSet()));
        List<TensorSpec> weights = all.stream()
                .filter(tensor -> !family.isBuffer(tensor.name()) && !isTiedHead(names, tensor.name()))
                .toList();
        long[] matrices = byLayer(names, weights, TensorSpec::name).stream()
                .mapToLong(part -> elements(part.stream().filter(ModelFolder::isMatrix)))
                .toArray();
        return new WeightCounts(
                Arrays.stream(matrices).sum(),
                elements(weights.stream().filter(tensor -> !isMatrix(tensor))),
                weights.stream().mapToLong(TensorSpec::elements).max().orElse(0),
                Arrays.stream(matrices).skip(1).sum(),
                Arrays.stream(matrices).skip(1).max().orElse(0),
                layout.bytes());
    }

    private static boolean isMatrix(TensorSpec tensor) {
        return tensor.shape().size() > 1;
    }

    private static long elements(Stream<TensorSpec> tensors) {
        return tensors.mapToLong(tensor -> Parameters.aligned(tensor.elements()))
                .sum();
    }

    /** True for a head that the files hold although config.json ties it to the embedding. */
    boolean isTiedHead(WeightNames names, String tensor) {
        return settings.tied() && tensor.equals(names.head() + ".weight");
    }

    private void refuseUntiedCopy(SafetensorsFolder files, WeightNames names) {
        String head = names.head() + ".weight";
        String embedding = names.embedding() + ".weight";
        if (!settings.tied()
                || !files.tensors().containsKey(head)
                || !files.tensors().containsKey(embedding)) {
            return;
        }
        MemorySegment headBytes = files.data(head);
        if (headBytes.mismatch(files.data(embedding)) != -1) {
            throw new UserError(path + ": config.json says tie_word_embeddings, but '" + head + "' differs from '"
                    + embedding + "'; set tie_word_embeddings to false or drop the tensor");
        }
    }
}
