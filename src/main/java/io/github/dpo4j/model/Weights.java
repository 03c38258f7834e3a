package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import io.github.dpo4j.torch.Tensors;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** Hands a folder's tensors to the decoder by name, checks their shapes, and at the end that none is left over. */
final class Weights {
    private final Path folder;
    private final Map<String, Tensor> tensors;
    private final Set<String> taken = new HashSet<>();

    Weights(Path folder, Map<String, Tensor> tensors) {
        this.folder = folder;
        this.tensors = tensors;
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

    private Tensor take(String name, long... shape) {
        Tensor tensor = tensors.get(name);
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
        for (String name : tensors.keySet()) {
            if (!taken.contains(name)) {
                throw new UserError(folder + ": tensor '" + name
                        + "' has no place in the model that config.json describes; the two do not belong together");
            }
        }
    }
}
