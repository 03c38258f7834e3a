package io.github.dpo4j.model;

import io.github.dpo4j.model.lora.Adapter;
import io.github.dpo4j.model.lora.Dropout;
import io.github.dpo4j.model.lora.LoraModule;
import io.github.dpo4j.model.lora.LowRank;
import io.github.dpo4j.torch.Device;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A model's weights: all its own, or those of a frozen base and of an adapter beside it.
 *
 * @param base what the model's files hold
 * @param adapted empty for a model without an adapter
 */
public record ModelWeights(Parameters base, Optional<Adapted> adapted) {
    /** An adapter's weights, which replace some of the base's and add to others. */
    public record Adapted(Adapter adapter, Parameters parameters) {
        /** Returns the adapter of a linear layer, by the layer's name; empty where it has none. */
        Optional<LowRank> lowRank(String module) {
            return adapter.module(module).map(found -> ModelWeights.lowRank(this, found));
        }
    }

    static ModelWeights of(Parameters all) {
        return new ModelWeights(all, Optional.empty());
    }

    /** Returns what is trained where the model is: the adapter, or all. */
    public Parameters trained() {
        return adapted.map(Adapted::parameters).orElse(base);
    }

    public Device device() {
        return base.device();
    }

    /** Returns whose the tensor of this name is: the adapter's where it replaces the base's. */
    public Parameters owner(String tensor) {
        return adapted.map(Adapted::parameters)
                .filter(parameters -> parameters.byName().containsKey(tensor))
                .orElse(base);
    }

    /** Returns the weight that computes, by its name in the base's files; null where there is none. */
    @Nullable
    Tensor find(String tensor) {
        return owner(tensor).byName().get(tensor);
    }

    /**
     * True for a trained weight whose gradient is the slope of the loss. Those of A and B under DoRA are not: the rows' own
     * lengths, which they change, count as constants.
     */
    public boolean hasExactGradient(String tensor) {
        return adapted.map(adapter -> !adapter.adapter().settings().dora()
                        || adapter.adapter().saved().stream()
                                .anyMatch(saved -> saved.name().equals(tensor))
                        || LoraModule.isMagnitude(tensor))
                .orElse(true);
    }

    /** Returns the adapter of a linear layer, by the layer's name; empty where it has none. */
    public Optional<LowRank> lowRank(String module) {
        return adapted.flatMap(adapter -> adapter.lowRank(module));
    }

    private static LowRank lowRank(Adapted adapted, LoraModule module) {
        Parameters parameters = adapted.parameters();
        String name = module.linear().name();
        return new LowRank(
                parameters.weight(LoraModule.a(name)),
                parameters.weight(LoraModule.b(name)),
                module.dora() ? parameters.weight(LoraModule.magnitude(name)) : null,
                module.scale(),
                dropout(adapted, module));
    }

    /** Returns what falls out before a module's A. */
    public static Dropout dropout(Adapted adapted, LoraModule module) {
        return new Dropout(
                adapted.adapter().settings().dropout(),
                adapted.parameters(),
                adapted.adapter().modules().indexOf(module));
    }
}
