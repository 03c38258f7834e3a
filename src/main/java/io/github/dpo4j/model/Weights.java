package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import io.github.dpo4j.model.lora.LowRank;
import io.github.dpo4j.torch.Tensors;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** Hands a folder's tensors to the decoder by name, checks their shapes, and at the end that none is left over. */
final class Weights {
    private final Path folder;
    private final ModelWeights weights;
    private final Set<String> taken = new HashSet<>();

    Weights(Path folder, ModelWeights weights) {
        this.folder = folder;
        this.weights = weights;
    }

    ModelWeights all() {
        return weights;
    }

    /** Returns {@code name}.weight, which must exist and have this shape. */
    Tensor weight(String name, long... shape) {
        return take(name + ".weight", shape);
    }

    /** Returns {@code name}.bias, or null where the model has none. */
    @Nullable
    Tensor bias(boolean present, String name, long size) {
        return present ? take(name + ".bias", size) : null;
    }

    /** Returns {@code name}.bias, which must exist. */
    Tensor requiredBias(String name, long size) {
        return take(name + ".bias", size);
    }

    /** Returns the head that is tied to the embedding, unless an adapter has a head of its own: it is the base's embedding. */
    Tensor tiedHead(String embedding, @Nullable String head) {
        Tensor own = head == null ? null : weights.find(head + ".weight");
        return own == null ? weights.base().weight(embedding + ".weight") : own;
    }

    /** Returns the adapter of a linear layer, or null. */
    @Nullable
    LowRank lowRank(String module) {
        return weights.lowRank(module).orElse(null);
    }

    private Tensor take(String name, long... shape) {
        Tensor tensor = weights.find(name);
        if (tensor == null) {
            throw new UserError(folder + ": tensor '" + name + "' is missing; config.json asks for it with shape "
                    + Arrays.toString(shape));
        }
        long[] found = Tensors.shape(tensor);
        if (!Arrays.equals(found, shape)) {
            throw new UserError(folder + ": tensor '" + name + "' has shape " + Arrays.toString(found)
                    + ", but config.json asks for " + Arrays.toString(shape));
        }
        taken.add(name);
        return tensor;
    }

    /** Throws where a tensor of the files was not taken. */
    void refuseSurplus() {
        for (String name : weights.base().byName().keySet()) {
            if (!taken.contains(name)) {
                throw new UserError(folder + ": tensor '" + name
                        + "' has no place in the model that config.json describes; the two do not belong together");
            }
        }
    }
}
