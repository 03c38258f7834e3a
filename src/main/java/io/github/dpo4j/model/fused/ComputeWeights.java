package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Conversion;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.model.ModelWeights;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.model.lora.LoraModule;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Tensors;
import java.lang.foreign.MemorySegment;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** A model's weights as products take them: matrices in the compute type, and the float32 gradients that belong to them. */
final class ComputeWeights {
    private final ModelWeights weights;
    private final Parameters trained;
    /** The trained matrices in bfloat16, laid out as the flat buffer's; null where the weights are used as they are. */
    private final @Nullable Tensor copy;

    ComputeWeights(ModelWeights weights, ComputeType type) {
        this.weights = weights;
        this.trained = weights.trained();
        this.copy = trained.isTrainable() && type != ComputeType.FLOAT32 ? trained.half() : null;
    }

    /** Returns a matrix in the shape of its file, in the compute type unless it is frozen in another. */
    Tensor matrix(String name) {
        return copy != null && isTrained(name) ? trained.part(copy, name) : stored(name);
    }

    /** As {@link #matrix} of the base, whatever an adapter puts in its place. */
    Tensor baseMatrix(String name) {
        return weights.base().isTrainable() ? matrix(name) : weights.base().weight(name);
    }

    private Tensor stored(String name) {
        return isTrained(name)
                ? trained.part(trained.flat(), name)
                : weights.owner(name).weight(name);
    }

    private boolean isTrained(String name) {
        return trained.isTrainable() && weights.owner(name) == trained;
    }

    /** Returns a vector's float32 memory. */
    MemorySegment vector(String name) {
        return Tensors.bytesOf(stored(name));
    }

    /** Returns where the gradient of a weight is summed, float32; null for a frozen one. */
    @Nullable
    Tensor gradient(String name) {
        return isTrained(name) ? trained.gradient(name) : null;
    }

    @Nullable
    MemorySegment gradientMemory(String name) {
        Tensor gradient = gradient(name);
        return gradient == null ? null : Tensors.bytesOf(gradient);
    }

    boolean has(String name) {
        return weights.owner(name).byName().containsKey(name);
    }

    /** Returns the adapter of a linear layer whose weight is {@code outIn}, by the layer's name; null where it has none. */
    @Nullable
    Adaptation adaptation(String linear, Tensor outIn) {
        ModelWeights.Adapted adapted = weights.adapted().orElse(null);
        LoraModule module =
                adapted == null ? null : adapted.adapter().module(linear).orElse(null);
        if (adapted == null || module == null) {
            return null;
        }
        String a = LoraModule.a(linear);
        String b = LoraModule.b(linear);
        String magnitude = LoraModule.magnitude(linear);
        return new Adaptation(
                matrix(a),
                matrix(b),
                gradient(a),
                gradient(b),
                (float) module.scale(),
                ModelWeights.dropout(adapted, module),
                module.dora()
                        ? new Lengths(
                                weights.lowRank(linear).orElseThrow(),
                                outIn,
                                adapted.parameters(),
                                vector(magnitude),
                                gradientMemory(magnitude))
                        : null);
    }

    /** Rounds the trained matrices again if they have changed since the last time. */
    void refresh(Team team) {
        if (copy == null || !trained.halfIsStale()) {
            return;
        }
        MemorySegment matrices = Tensors.bytesOf(trained.flat()).asSlice(0, trained.decayedElements() * Float.BYTES);
        Conversion.copy(
                team, new Conversion.Numbers(matrices, false), new Conversion.Numbers(Tensors.bytesOf(copy), true));
        trained.halfIsCurrent();
    }
}
