package io.github.dpo4j.model;

import io.github.dpo4j.model.DecoderSettings.ResidualKind;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * One layer of the decoder: attention and MLP, each behind its norm, around the residual stream.
 *
 * @param headNorms over each head of queries and keys, or null
 * @param afterAttention a norm of what attention gives, or null; {@code afterMlp} of what the MLP gives
 */
record DecoderLayer(
        int number,
        LayerAttention positions,
        Norm attentionNorm,
        Qkv qkv,
        @Nullable HeadNorms headNorms,
        Linear attentionOutput,
        double attentionScale,
        @Nullable Norm afterAttention,
        Norm mlpNorm,
        Mlp mlp,
        @Nullable Norm afterMlp,
        ResidualKind residual) {

    record HeadNorms(Norm query, Norm key) {}

    /** Maps the residual stream [T, width] to the next layer's; {@code rotary} is null where attention knows no positions. */
    Tensor apply(Tensor x, @Nullable RotaryTable rotary, AttentionContext context) {
        Tensor attended = normed(afterAttention, attend(attentionNorm.apply(x), rotary, context));
        return switch (residual) {
            case SEQUENTIAL, SANDWICH -> {
                Tensor sum = x.add(attended);
                yield sum.add(normed(afterMlp, mlp.apply(mlpNorm.apply(sum))));
            }
            case PARALLEL -> x.add(attended).add(mlp.apply(mlpNorm.apply(x)));
        };
    }

    private static Tensor normed(@Nullable Norm norm, Tensor x) {
        return norm == null ? x : norm.apply(x);
    }

    private Tensor attend(Tensor x, @Nullable RotaryTable rotary, AttentionContext context) {
        Qkv.Heads heads = qkv.apply(x);
        Tensor queries = normed(headNorms == null ? null : headNorms.query(), heads.queries());
        Tensor keys = normed(headNorms == null ? null : headNorms.key(), heads.keys());
        Tensor turnedQueries = rotary == null ? queries : rotary.rotate(queries);
        Tensor turnedKeys = rotary == null ? keys : rotary.rotate(keys);
        Tensor read =
                context.attend(number, turnedQueries, turnedKeys, heads.values(), attentionScale, positions.window());
        return attentionOutput.apply(read.reshape(x.size(0), -1));
    }
}
