package io.github.dpo4j.logprob;

import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.fused.FusedDecoder;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Log-probabilities of the scored tokens: nats, float32, whatever the model computes in. */
public final class TokenLogps {
    private TokenLogps() {}

    /** Returns log p of each scored token given what stands before it in its sequence, without gradient, float32 [S]. */
    public static Tensor of(CausalLm model, PackedTokens tokens) {
        try (TensorScope scope = new TensorScope();
                NoGrad _ = new NoGrad()) {
            FusedDecoder fused = model.fused();
            return scope.keep(
                    fused == null
                            ? byAutograd(model, tokens)
                            : Tensors.ofFloats(fused.forward(tokens, false).logps(), model.device()));
        }
    }

    /** As {@link #of} by the plain decoder, with gradient where the thread's grad mode asks for it. */
    static Tensor byAutograd(CausalLm model, PackedTokens tokens) {
        Tensor hidden = model.hidden(tokens);
        // Only the rows that predict a scored token go through the head: logits are the largest tensor of a step.
        Tensor predictors = hidden.index_select(0, Tensors.ofInts(tokens.predictorRows(), model.device()));
        Tensor logits = model.logits(predictors);
        Tensor targets = Tensors.ofInts(tokens.targetIds(), model.device());
        return ofLogits(logits, targets);
    }

    /** Returns log softmax of [S, vocabulary] at the int64 targets [S] without forming it, float32 [S]. */
    public static Tensor ofLogits(Tensor logits, Tensor targets) {
        Tensor chosen = logits.gather(1, targets.unsqueeze(1)).squeeze(1);
        return chosen.sub(torch.logsumexp(logits, 1));
    }

    /** Returns the logps of N sequences, float32 [N]: token logps [S] summed over each sequence's own {@code counts}. */
    static Tensor sums(Tensor tokenLogps, int[] counts, Device device) {
        // Each added up by itself and in float64, so that its bits do not depend on its batch mates.
        Tensor lengths = Tensors.ofInts(counts, device);
        return Tensors.segmentSums(tokenLogps.to(ScalarType.Double), lengths).to(ScalarType.Float);
    }

    /** Returns the logps of each sequence of the pack, float32 [N]. */
    public static Tensor sums(CausalLm model, PackedTokens tokens) {
        return sums(of(model, tokens), tokens.scoredCounts(), model.device());
    }
}
