package io.github.dpo4j.model;

import io.github.dpo4j.model.lora.LowRank;
import io.github.dpo4j.safetensors.Layout;
import io.github.dpo4j.safetensors.SafetensorsFolder;
import io.github.dpo4j.safetensors.TensorInfo;
import io.github.dpo4j.safetensors.TensorSpec;
import io.github.dpo4j.torch.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a whole model to be written, one at a time. An adapter's base is read from its files again: in memory it may be
 * rounded.
 */
final class Merge implements AutoCloseable {
    private final Parameters trained;
    private final Optional<ModelWeights.Adapted> adapted;
    private final ModelFolder source;
    private final WeightNames names;
    private final @Nullable SafetensorsFolder files;

    private Merge(Parameters trained, Optional<ModelWeights.Adapted> adapted, ModelFolder source) {
        this.trained = trained;
        this.adapted = adapted;
        this.source = source;
        this.names = source.names();
        this.files = adapted.isPresent() ? SafetensorsFolder.open(source.path()) : null;
    }

    static Merge of(ModelWeights weights, ModelFolder source) {
        return new Merge(weights.trained(), weights.adapted(), source);
    }

    static Merge of(ModelWeights.Adapted adapted, ModelFolder source) {
        return new Merge(adapted.parameters(), Optional.of(adapted), source);
    }

    /** True where an adapter has an embedding or a head of its own, beside a base in which the two are one. */
    boolean unties() {
        return source.settings().tied()
                && adapted.isPresent()
                && (trained.byName().containsKey(names.embedding() + ".weight")
                        || trained.byName().containsKey(names.head() + ".weight"));
    }

    /** Returns the layout with a head, where it has none. */
    Layout withHead(Layout layout) {
        TensorSpec head = source.tiedHead();
        boolean has = layout.files().stream()
                .flatMap(file -> file.tensors().stream())
                .anyMatch(tensor -> tensor.name().equals(head.name()));
        if (has) {
            return layout;
        }
        List<Layout.File> files = new ArrayList<>(layout.files());
        Layout.File last = files.removeLast();
        List<TensorSpec> tensors = new ArrayList<>(last.tensors());
        tensors.add(head);
        files.add(new Layout.File(last.name(), last.metadata(), tensors));
        return new Layout(files, layout.totalParameters());
    }

    /** Returns the weight that the source's files have under this name, as it is now; it belongs to the innermost scope. */
    Tensor weight(String name) {
        String embedding = names.embedding() + ".weight";
        boolean tied = source.isTiedHead(names, name);
        Tensor weight = trained.byName().get(tied && !unties() ? embedding : name);
        if (weight != null) {
            return weight;
        }
        if (files == null) {
            throw new IllegalStateException("no weights for tensor " + name);
        }
        Tensor stored = read(files, tied ? embedding : name);
        Optional<LowRank> adapter = name.endsWith(".weight")
                ? adapted.flatMap(a -> a.lowRank(name.substring(0, name.length() - ".weight".length())))
                : Optional.empty();
        Linear.Layout layout = source.settings().linears();
        // outIn is its own inverse: it transposes, or leaves alone.
        return adapter.map(lowRank -> layout.outIn(lowRank.merged(layout.outIn(stored))))
                .orElse(stored);
    }

    private Tensor read(SafetensorsFolder folder, String name) {
        TensorInfo info = Objects.requireNonNull(folder.tensors().get(name));
        long[] shape = info.shape().stream().mapToLong(Long::longValue).toArray();
        Tensor weight = Tensors.empty(trained.device(), ScalarType.Float, shape);
        Tensors.copyInto(weight, folder.data(name), StoredType.of(info.dtype(), name));
        return weight;
    }

    @Override
    public void close() {
        if (files != null) {
            files.close();
        }
    }
}
