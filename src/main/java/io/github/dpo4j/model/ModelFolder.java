package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import io.github.dpo4j.model.fused.FusedDecoder;
import io.github.dpo4j.model.fused.FusedMemory;
import io.github.dpo4j.model.lora.Adapter;
import io.github.dpo4j.model.lora.AdapterFolder;
import io.github.dpo4j.model.lora.LoraSettings;
import io.github.dpo4j.model.lora.NewAdapter;
import io.github.dpo4j.safetensors.Layout;
import io.github.dpo4j.safetensors.SafetensorsFile;
import io.github.dpo4j.safetensors.SafetensorsFolder;
import io.github.dpo4j.safetensors.TensorInfo;
import io.github.dpo4j.safetensors.TensorSpec;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/**
 * A Hugging Face model folder: what kind of model it holds and how its weights lie in files.
 *
 * @param path of the model itself, the base's where a folder with an adapter was opened
 * @param adapter the folder of the adapter that was opened; empty for a whole model
 */
public record ModelFolder(
        Path path,
        ModelConfig config,
        ModelFamily family,
        DecoderSettings settings,
        Layout layout,
        Optional<AdapterFolder> adapter) {

    /**
     * Reads config.json and the headers of the weight files, no weights; throws {@link UserError} for what is broken. A folder
     * with an adapter (adapter_config.json) leads to its base.
     */
    public static ModelFolder open(Path path) {
        return AdapterFolder.isOne(path) ? open(AdapterFolder.open(path)) : open(path, Optional.empty());
    }

    private static ModelFolder open(AdapterFolder adapter) {
        return open(adapter.base(), Optional.of(adapter));
    }

    private static ModelFolder open(Path path, Optional<AdapterFolder> adapter) {
        ModelConfig config = ModelConfig.read(path);
        ModelFamily family = ModelFamily.of(config);
        DecoderSettings settings = family.settings(config);
        try (SafetensorsFolder files = SafetensorsFolder.open(path)) {
            return new ModelFolder(path, config, family, settings, files.layout(), adapter);
        }
    }

    /** Returns the folder of the model itself: {@code path}, or the base of the adapter that lies there. */
    public static Path modelIn(Path path) {
        return AdapterFolder.isOne(path) ? AdapterFolder.open(path).base() : path;
    }

    /** Returns the folder whose tokenizer goes with {@code path}: an adapter may bring its own. */
    public static Path textIn(Path path) {
        return Files.isRegularFile(path.resolve("tokenizer.json")) ? path : modelIn(path);
    }

    /** Returns the folder whose tokenizer goes with what was opened. */
    public Path text() {
        return textIn(opened());
    }

    /** Returns the folder that was opened: the adapter's, or the model's. */
    public Path opened() {
        return adapter.map(AdapterFolder::path).orElse(path);
    }

    /** Loads a whole model to be trained: float32 master weights with gradients, computing in {@code type}. */
    public CausalLm loadTrainable(Device device, ComputeType type) {
        return loadTrainable(device, type, GradientStorage.WHOLE);
    }

    /** As {@link #loadTrainable(Device, ComputeType)}; only the hand-written backward can keep gradients by layer. */
    public CausalLm loadTrainable(Device device, ComputeType type, GradientStorage gradients) {
        requireLayerwise(device, gradients);
        if (adapter.isPresent()) {
            throw new IllegalStateException(opened() + " is an adapter; its base is not trained");
        }
        try (SafetensorsFolder files = SafetensorsFolder.open(path)) {
            return build(ModelWeights.of(Parameters.trainable(source(files), device, gradients)), type);
        }
    }

    /** Loads a model that is only read, with its adapter if it has one: matrices in the compute type, no gradients. */
    public CausalLm loadFrozen(Device device, ComputeType type) {
        Parameters base = loadBase(device, type);
        // In float32, as one that is trained: rounded lengths of rows would differ from those.
        return build(new ModelWeights(base, adapter.map(_ -> loadAdapter(device))), type);
    }

    /** Loads the opened adapter alone, float32, only to be read. */
    public ModelWeights.Adapted loadAdapter(Device device) {
        AdapterFolder opened = adapter.orElseThrow();
        Adapter shape = shape(opened);
        try (SafetensorsFile file = opened.openWeights()) {
            WeightSource source = byLayer(shape.tensors(), opened.reading(file, this::tensorName));
            return new ModelWeights.Adapted(shape, Parameters.frozen(source, device, ComputeType.FLOAT32.scalarType()));
        }
    }

    /** Loads the weights that an adapter leaves as they are: matrices in the compute type, no gradients. */
    public Parameters loadBase(Device device, ComputeType type) {
        try (SafetensorsFolder files = SafetensorsFolder.open(path)) {
            return Parameters.frozen(source(files), device, type.scalarType());
        }
    }

    /**
     * Returns the shape of the adapter to train: that of the opened folder, or a new one of these settings, or none.
     *
     * @throws UserError where there are both, or the settings name nothing that the model has
     */
    public Optional<Adapter> adapterToTrain(Optional<LoraSettings> lora) {
        if (adapter.isPresent()) {
            if (lora.isPresent()) {
                throw new UserError(adapter.get().path()
                        + " is an adapter, which is trained on as it is; leave --lora-r and its companions away");
            }
            adapter.get().settings().requireTrainable();
            return Optional.of(shape(adapter.get()));
        }
        lora.ifPresent(LoraSettings::requireTrainable);
        return lora.map(wanted -> Adapter.of(wanted, linears(), replaceable()));
    }

    private Adapter shape(AdapterFolder opened) {
        return opened.shape(linears(), replaceable(), this::tensorName, this::moduleName);
    }

    /** Returns the tensors that an adapter may have its own of: all, and a head even where the model's is tied. */
    private List<TensorSpec> replaceable() {
        List<TensorSpec> all = new ArrayList<>(tensors());
        if (settings.tied() && names().head() != null) {
            all.add(tiedHead());
        }
        return all;
    }

    /** Returns the head that a tied model would have if it had one of its own. */
    TensorSpec tiedHead() {
        TensorSpec embedding = stored().filter(tensor -> tensor.name().equals(names().embedding() + ".weight"))
                .findFirst()
                .orElseThrow(() -> new UserError(path + ": tensor '" + names().embedding() + ".weight' is missing"));
        return new TensorSpec(names().head() + ".weight", embedding.dtype(), embedding.shape());
    }

    /**
     * Loads a model whose adapter is to be trained: float32 master weights of the adapter, beside a frozen base.
     *
     * @param base as {@link #loadBase} gave it, perhaps another model's too
     * @param seed of a new adapter's first weights
     */
    public CausalLm loadAdapted(
            Parameters base, Adapter shape, long seed, ComputeType type, GradientStorage gradients) {
        Device device = base.device();
        requireLayerwise(device, gradients);
        if (adapter.isPresent()) {
            try (SafetensorsFile file = adapter.get().openWeights()) {
                WeightSource source = byLayer(shape.tensors(), adapter.get().reading(file, this::tensorName));
                return build(adapted(base, shape, Parameters.trainable(source, device, gradients)), type);
            }
        }
        NewAdapter start = new NewAdapter(shape, base, settings.linears(), seed);
        try (SafetensorsFolder files = SafetensorsFolder.open(path)) {
            WeightSource source = byLayer(shape.tensors(), (spec, target) -> {
                if (!start.fill(spec, target)) {
                    boolean tied = isTiedHead(names(), spec.name());
                    read(files, tied ? names().embedding() + ".weight" : spec.name(), target);
                }
            });
            return build(adapted(base, shape, Parameters.trainable(source, device, gradients)), type);
        }
    }

    private static ModelWeights adapted(Parameters base, Adapter shape, Parameters weights) {
        return new ModelWeights(base, Optional.of(new ModelWeights.Adapted(shape, weights)));
    }

    private static void requireLayerwise(Device device, GradientStorage gradients) {
        if (gradients == GradientStorage.BY_LAYER && !FusedDecoder.runsOn(device)) {
            throw new IllegalArgumentException("autograd makes all gradients at once");
        }
    }

    private CausalLm build(ModelWeights weights, ComputeType type) {
        WeightNames names = family.names(settings, weights.base().byName().keySet());
        return new DecoderBuilder(settings, names, new Weights(path, weights)).build(type);
    }

    /** How a tensor gets its weights. */
    @FunctionalInterface
    public interface Filling {
        void fill(TensorSpec tensor, Tensor target);
    }

    private WeightSource source(SafetensorsFolder files) {
        Map<String, TensorInfo> tensors = files.tensors();
        WeightNames names = family.names(settings, tensors.keySet());
        refuseUntiedCopy(files, names);
        List<TensorSpec> weights = tensors.values().stream()
                .filter(tensor -> !family.isBuffer(tensor.name()) && !isTiedHead(names, tensor.name()))
                .map(TensorInfo::spec)
                .toList();
        return byLayer(weights, (spec, target) -> read(files, spec.name(), target));
    }

    private WeightSource byLayer(List<TensorSpec> tensors, Filling filling) {
        List<List<TensorSpec>> parts = byLayer(names(), tensors, TensorSpec::name);
        return new WeightSource() {
            @Override
            public List<List<TensorSpec>> parts() {
                return parts;
            }

            @Override
            public void fill(TensorSpec tensor, Tensor target) {
                filling.fill(tensor, target);
            }
        };
    }

    private static void read(SafetensorsFolder files, String name, Tensor target) {
        TensorInfo info = Objects.requireNonNull(files.tensors().get(name));
        StoredWeights.read(files.data(name), info.dtype(), target, files.path() + ": tensor '" + name + "'");
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

    /** Returns the names as the folder's files have them. */
    WeightNames names() {
        return family.names(settings, stored().map(TensorSpec::name).collect(Collectors.toSet()));
    }

    private Stream<TensorSpec> stored() {
        return layout.files().stream().flatMap(file -> file.tensors().stream());
    }

    /** Returns the tensors that hold the model's weights. */
    public List<TensorSpec> tensors() {
        WeightNames names = names();
        return stored().filter(tensor -> !family.isBuffer(tensor.name()) && !isTiedHead(names, tensor.name()))
                .toList();
    }

    /** Returns the model's linear layers. */
    public List<LinearModule> linears() {
        return LinearModule.of(settings, names());
    }

    /** Returns the name in this folder's files of what transformers calls {@code module}, a tensor or a layer. */
    public String tensorName(String module) {
        return family.tensorName(module, names());
    }

    /** Returns what transformers calls a tensor or a layer of this folder's files. */
    public String moduleName(String tensor) {
        return family.moduleName(tensor, names());
    }

    /** Counts the weights that a model loaded from here has, without an adapter's. */
    public WeightCounts counts() {
        return counts(tensors(), layout.bytes());
    }

    /** Counts the weights of an adapter of this model. */
    public WeightCounts counts(Adapter shape) {
        return counts(shape.tensors(), 0);
    }

    /** Returns what a pass keeps of an adapter of this model. */
    public FusedMemory.AdapterWidths widths(Adapter shape) {
        return shape.widths(names()::layerOf);
    }

    private WeightCounts counts(List<TensorSpec> weights, long fileBytes) {
        long[] matrices = byLayer(names(), weights, TensorSpec::name).stream()
                .mapToLong(part -> elements(part.stream().filter(ModelFolder::isMatrix)))
                .toArray();
        return new WeightCounts(
                Arrays.stream(matrices).sum(),
                elements(weights.stream().filter(tensor -> !isMatrix(tensor))),
                weights.stream().mapToLong(TensorSpec::elements).max().orElse(0),
                Arrays.stream(matrices).skip(1).sum(),
                Arrays.stream(matrices).skip(1).max().orElse(0),
                fileBytes);
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
