package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.Tensors;
import java.util.Arrays;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * TR-DPO (Gorbatovski et al. 2024, arXiv 2404.09656, soft update): every so many steps reference <- a policy + (1 - a) reference.
 * It is computed on float32 weights, from which the reference's own are rounded.
 */
final class MovingReference {
    private final ReferenceStorage.Moving settings;
    private final CausalLm policy;
    private final CausalLm reference;
    private final CausalLm masters;

    /**
     * Begins with the reference as it is.
     *
     * @param masters the same model in float32: {@code reference} itself, if it computes in that
     */
    MovingReference(ReferenceStorage.Moving settings, CausalLm policy, CausalLm reference, CausalLm masters) {
        this.settings = settings;
        this.policy = policy;
        this.reference = reference;
        this.masters = masters;
        Map<String, Tensor> weights = policy.parameters().byName();
        boolean alike = weights.keySet().equals(masters.parameters().byName().keySet())
                && weights.entrySet().stream()
                        .allMatch(weight -> Arrays.equals(
                                Tensors.shape(weight.getValue()),
                                Tensors.shape(masters.parameters().weight(weight.getKey()))));
        if (!alike) {
            throw new UserError("sync_ref_model moves the reference towards the policy, but the two have other weights;"
                    + " they must be of one architecture and size");
        }
    }

    /** Returns the float32 weights by name, which a checkpoint holds. */
    Map<String, Tensor> weights() {
        return masters.parameters().byName();
    }

    /** Moves the reference if the 1-based {@code step} that has been made is one after which it moves. */
    void after(long step) {
        if (step % settings.steps() != 0) {
            return;
        }
        try (NoGrad _ = new NoGrad()) {
            weights()
                    .forEach((name, weight) -> weight.mul_(new Scalar(1 - settings.alpha()))
                            .add_(policy.parameters().weight(name), new Scalar(settings.alpha())));
        }
        round();
    }

    /** Rounds the reference's weights from those that a checkpoint has put in place. */
    void round() {
        if (masters == reference) {
            return;
        }
        try (NoGrad _ = new NoGrad()) {
            weights()
                    .forEach((name, weight) ->
                            reference.parameters().weight(name).copy_(weight));
        }
    }
}
