package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Conversion;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Tensors;
import java.lang.foreign.MemorySegment;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** A model's weights as products take them: matrices in the compute type, and the float32 gradients that belong to them. */
final class ComputeWeights {
    private final Parameters parameters;
    /** The trained matrices in bfloat16, laid out as the flat buffer's; null where the weights are used as they are. */
    private final @Nullable Tensor copy;

    ComputeWeights(Parameters parameters, ComputeType type) {
        this.parameters = parameters;
        this.copy = parameters.isTrainable() && type != ComputeType.FLOAT32 ? parameters.half() : null;
    }

    /** Returns a matrix in the compute type, in the shape of its file. */
    Tensor matrix(String name) {
        return copy == null ? stored(name) : parameters.part(copy, name);
    }

    private Tensor stored(String name) {
        return parameters.isTrainable() ? parameters.part(parameters.flat(), name) : parameters.weight(name);
    }

    /** Returns a vector's float32 memory. */
    MemorySegment vector(String name) {
        return Tensors.bytesOf(stored(name));
    }

    /** Returns where the gradient of a weight is summed, float32; null for a frozen model. */
    @Nullable
    Tensor gradient(String name) {
        return parameters.isTrainable() ? parameters.gradient(name) : null;
    }

    @Nullable
    MemorySegment gradientMemory(String name) {
        Tensor gradient = gradient(name);
        return gradient == null ? null : Tensors.bytesOf(gradient);
    }

    boolean has(String name) {
        return parameters.byName().containsKey(name);
    }

    /** Rounds the trained matrices again if they have changed since the last time. */
    void refresh(Team team) {
        if (copy == null || !parameters.halfIsStale()) {
            return;
        }
        MemorySegment matrices =
                Tensors.bytesOf(parameters.flat()).asSlice(0, parameters.decayedElements() * Float.BYTES);
        Conversion.copy(
                team, new Conversion.Numbers(matrices, false), new Conversion.Numbers(Tensors.bytesOf(copy), true));
        parameters.halfIsCurrent();
    }
}
