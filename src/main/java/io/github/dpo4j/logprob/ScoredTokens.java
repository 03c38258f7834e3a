package io.github.dpo4j.logprob;

import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.fused.FusedDecoder;
import io.github.dpo4j.model.fused.FusedPass;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A pack's token logps on the way to a gradient: a loss is computed from {@link #logps}, its backward leaves their gradient
 * there, and {@link #backward} takes it on into the model's weights. Two steps, because between the logps and the weights
 * nothing depends on the loss.
 */
public sealed interface ScoredTokens {
    /** Returns log p of each scored token, nats, float32 [S]: a leaf that requires a gradient. */
    Tensor logps();

    /** Returns ln sum_v p_v^2 of each scored token's prediction, float32 [S], without gradient; only if asked for. */
    Tensor logCollisions();

    CausalLm model();

    /** Returns the number of scored tokens of each sequence, [N]. */
    int[] counts();

    /** Returns the logps of the N sequences, float32 [N], with gradient to {@link #logps}. */
    default Tensor sums() {
        return TokenLogps.sums(logps(), counts(), model().device());
    }

    /**
     * Adds to the weights' gradients what the gradient of {@link #logps} implies; call it once. Whoever reads gradients by
     * layer meanwhile may update weights.
     */
    void backward();

    /** Scores the pack under a trainable model; everything belongs to the innermost scope. */
    static ScoredTokens of(CausalLm model, PackedTokens tokens) {
        return of(model, tokens, false);
    }

    /** As {@link #of(CausalLm, PackedTokens)}; {@code collisions} asks for {@link #logCollisions}. */
    static ScoredTokens of(CausalLm model, PackedTokens tokens, boolean collisions) {
        FusedDecoder fused = model.fused();
        return fused == null ? Plain.of(model, tokens, collisions) : Fused.of(fused, tokens, model);
    }

    /** By the hand-written backward. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Fused(CausalLm model, FusedPass pass, Tensor logps, int[] counts) implements ScoredTokens {
        static Fused of(FusedDecoder decoder, PackedTokens tokens, CausalLm model) {
            FusedPass pass = decoder.forward(tokens, true);
            Tensor logps = Tensors.ofFloats(pass.logps(), model.device());
            return new Fused(model, pass, logps.set_requires_grad(true), tokens.scoredCounts());
        }

        @Override
        public Tensor logCollisions() {
            return Tensors.ofFloats(pass.logCollisions(), model.device());
        }

        @Override
        public void backward() {
            pass.backward(Tensors.toFloats(logps.grad()));
        }
    }

    /**
     * By autograd. The head runs on a range of tokens at a time, forward and again backward, so that [S, vocabulary] never
     * exists.
     *
     * @param predictors hidden states of the rows that predict, [S, width], with the graph behind them
     * @param hidden the same numbers as a leaf, where the head's backward ends
     * @param targets int64 [S]
     * @param collisions null unless asked for
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Plain(
            CausalLm model,
            Tensor predictors,
            Tensor hidden,
            Tensor targets,
            Tensor logps,
            @Nullable Tensor collisions,
            int[] counts)
            implements ScoredTokens {
        static Plain of(CausalLm model, PackedTokens tokens, boolean withCollisions) {
            model.parameters().flatGradient(); // autograd adds to what is there: zeros must be
            Tensor predictors = TokenLogps.predictors(model, tokens);
            Tensor targets = Tensors.ofInts(tokens.targetIds(), model.device());
            Tensor logps;
            Tensor collisions = null;
            try (NoGrad _ = new NoGrad()) {
                if (withCollisions) {
                    Tensor both = TokenLogps.inRanges(model, predictors, targets, TokenLogps::withCollisionsOfLogits);
                    logps = both.select(0, 0).clone();
                    collisions = both.select(0, 1);
                } else {
                    logps = TokenLogps.inRanges(model, predictors, targets, TokenLogps::ofLogits);
                }
            }
            return new Plain(
                    model,
                    predictors,
                    predictors.detach().set_requires_grad(true),
                    targets,
                    logps.set_requires_grad(true),
                    collisions,
                    tokens.scoredCounts());
        }

        @Override
        public Tensor logCollisions() {
            if (collisions == null) {
                throw new IllegalStateException("collisions were not asked for");
            }
            return collisions;
        }

        @Override
        public void backward() {
            Tensor gradient = logps.grad();
            long range = TokenLogps.range(model);
            for (long from = 0; from < hidden.size(0); from += range) {
                long length = Math.min(range, hidden.size(0) - from);
                try (TensorScope _ = new TensorScope()) {
                    Tensor some = TokenLogps.ofLogits(
                            model.logits(hidden.narrow(0, from, length)), targets.narrow(0, from, length));
                    Tensors.backward(some, gradient.narrow(0, from, length));
                }
            }
            Tensors.backward(predictors, hidden.grad());
        }
    }
}
