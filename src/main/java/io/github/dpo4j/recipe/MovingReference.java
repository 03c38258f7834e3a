package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.safetensors.TensorSpec;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
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
    }

    /** Throws {@link UserError} unless the {@code reference} has weights of the policy's names and shapes. */
    static void requireAlike(ModelFolder policy, ModelFolder reference) {
        if (reference.adapter().isPresent() || !shapes(policy).equals(shapes(reference))) {
            throw new UserError("sync_ref_model moves the reference towards the policy, but the two have other weights;"
                    + " they must be of one architecture and size");
        }
    }

    private static Map<String, List<Long>> shapes(ModelFolder folder) {
        return folder.tensors().stream().collect(Collectors.toMap(TensorSpec::name, TensorSpec::shape));
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
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            Scalar kept = new Scalar(1 - settings.alpha());
            Scalar taken = new Scalar(settings.alpha());
            weights()
                    .forEach((name, weight) ->
                            weight.mul_(kept).add_(policy.parameters().weight(name), taken));
        }
        round();
    }

    /** Rounds the reference's weights from those that a checkpoint has put in place. */
    void round() {
        if (masters == reference) {
            return;
        }
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            weights()
                    .forEach((name, weight) ->
                            reference.parameters().weight(name).copy_(weight));
        }
    }
}
