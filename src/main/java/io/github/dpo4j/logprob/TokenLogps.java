package io.github.dpo4j.logprob;

import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.fused.FusedDecoder;
import io.github.dpo4j.model.fused.FusedPass;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Log-probabilities of the scored tokens: nats, float32, whatever the model computes in. */
public final class TokenLogps {
    private static final long LOGITS_AT_A_TIME = 1 << 24;

    private TokenLogps() {}

    /** Returns log p of each scored token given what stands before it in its sequence, without gradient, float32 [S]. */
    public static Tensor of(CausalLm model, PackedTokens tokens) {
        try (TensorScope scope = new TensorScope();
                NoGrad _ = new NoGrad()) {
            FusedDecoder fused = model.fused();
            return scope.keep(
                    fused == null
                            ? inRanges(
                                    model,
                                    predictors(model, tokens),
                                    Tensors.ofInts(tokens.targetIds(), model.device()),
                                    TokenLogps::ofLogits)
                            : Tensors.ofFloats(fused.forward(tokens, false).logps(), model.device()));
        }
    }

    /** As {@link #of}, with the log of each prediction's collision probability: float32 [2, S], logps first. */
    public static Tensor withCollisions(CausalLm model, PackedTokens tokens) {
        try (TensorScope scope = new TensorScope();
                NoGrad _ = new NoGrad()) {
            FusedDecoder fused = model.fused();
            if (fused == null) {
                Tensor targets = Tensors.ofInts(tokens.targetIds(), model.device());
                return scope.keep(
                        inRanges(model, predictors(model, tokens), targets, TokenLogps::withCollisionsOfLogits));
            }
            FusedPass pass = fused.forward(tokens, false);
            return scope.keep(torch.stack(new TensorVector(
                    Tensors.ofFloats(pass.logps(), model.device()),
                    Tensors.ofFloats(pass.logCollisions(), model.device()))));
        }
    }

    /** Returns the plain decoder's hidden states of the rows that predict a scored token, [S, width]; only they go through the head. */
    static Tensor predictors(CausalLm model, PackedTokens tokens) {
        return model.hidden(tokens).index_select(0, Tensors.ofInts(tokens.predictorRows(), model.device()));
    }

    /**
     * Returns what {@code score} makes of logits and targets [S] after hidden states [S, width], {@link #range} tokens at a
     * time; S is the last dimension of it.
     */
    static Tensor inRanges(CausalLm model, Tensor hidden, Tensor targets, BinaryOperator<Tensor> score) {
        long range = range(model);
        List<Tensor> parts = new ArrayList<>();
        for (long from = 0; from < hidden.size(0); from += range) {
            long length = Math.min(range, hidden.size(0) - from);
            try (TensorScope scope = new TensorScope()) {
                parts.add(scope.keep(
                        score.apply(model.logits(hidden.narrow(0, from, length)), targets.narrow(0, from, length))));
            }
        }
        return Tensors.cat(-1, parts.toArray(Tensor[]::new));
    }

    /** Returns how many tokens' logits exist at a time. */
    static long range(CausalLm model) {
        return Math.max(1, LOGITS_AT_A_TIME / model.settings().vocabularySize());
    }

    /** Returns log softmax of [S, vocabulary] at the int64 targets [S] without forming it, float32 [S]. */
    public static Tensor ofLogits(Tensor logits, Tensor targets) {
        Tensor chosen = logits.gather(1, targets.unsqueeze(1)).squeeze(1);
        return chosen.sub(torch.logsumexp(logits, 1));
    }

    /** Returns {@link #ofLogits} and ln sum_v p_v^2, the log of the probability that two samples are the same token, float32 [2, S]. */
    static Tensor withCollisionsOfLogits(Tensor logits, Tensor targets) {
        Tensor logSum = torch.logsumexp(logits, 1);
        Tensor logps = logits.gather(1, targets.unsqueeze(1)).squeeze(1).sub(logSum);
        Scalar two = new Scalar(2.0);
        return torch.stack(
                new TensorVector(logps, torch.logsumexp(logits.mul(two), 1).sub(logSum.mul(two))));
    }

    /** Returns the logps of N sequences, float32 [N]: token logps [S] summed over each sequence's own {@code counts}. */
    public static Tensor sums(Tensor tokenLogps, int[] counts, Device device) {
        // Each added up by itself and in float64, so that its bits do not depend on its batch mates.
        Tensor lengths = Tensors.ofInts(counts, device);
        return Tensors.segmentSums(tokenLogps.to(ScalarType.Double), lengths).to(ScalarType.Float);
    }

    /** Returns the logps of each sequence of the pack, float32 [N]. */
    public static Tensor sums(CausalLm model, PackedTokens tokens) {
        return sums(of(model, tokens), tokens.scoredCounts(), model.device());
    }
}
