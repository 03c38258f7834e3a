package io.github.dpo4j.model;

import io.github.dpo4j.model.DecoderSettings.ResidualKind;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** One layer of the decoder: attention and MLP, each behind its norm, around the residual stream. */
record DecoderLayer(
        int number,
        Norm attentionNorm,
        Qkv qkv,
        Linear attentionOutput,
        double attentionScale,
        Norm mlpNorm,
        Mlp mlp,
        ResidualKind residual) {

    /** Maps the residual stream [T, width] to the next layer's. */
    Tensor apply(Tensor x, @Nullable RotaryTable rotary, AttentionContext context) {
        Tensor attended = attend(attentionNorm.apply(x), rotary, context);
        return switch (residual) {
            case SEQUENTIAL -> {
                Tensor sum = x.add(attended);
                yield sum.add(mlp.apply(mlpNorm.apply(sum)));
            }
            case PARALLEL -> x.add(attended).add(mlp.apply(mlpNorm.apply(x)));
        };
    }

    private Tensor attend(Tensor x, @Nullable RotaryTable rotary, AttentionContext context) {
        Qkv.Heads heads = qkv.apply(x);
        Tensor queries = rotary == null ? heads.queries() : rotary.rotate(heads.queries());
        Tensor keys = rotary == null ? heads.keys() : rotary.rotate(heads.keys());
        Tensor read = context.attend(number, queries, keys, heads.values(), attentionScale);
        return attentionOutput.apply(read.reshape(x.size(0), -1));
    }
}
