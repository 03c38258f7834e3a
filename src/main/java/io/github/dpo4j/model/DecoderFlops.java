package io.github.dpo4j.model;

import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.batch.Segment;

/**
 * The floating point operations that a pack's answer needs, a multiply-add counted as two: the matrix products, over packed
 * tokens, so a shared prompt counts once. What an implementation does besides is not useful in this sense: scores above the
 * diagonal, products that backward makes again, norms, softmax.
 */
public record DecoderFlops(DecoderSettings model) {

    /** Returns those of the logps of the pack's scored tokens. */
    public long forward(PackedTokens tokens) {
        return layers(tokens.size()) + attention(tokens) + head(tokens.scored());
    }

    /** Returns those of the gradient of all weights: each product's two operands have one, a product each. */
    public long backward(PackedTokens tokens) {
        return 2 * forward(tokens);
    }

    /** Of the products with the layers' matrices. */
    long layers(long tokens) {
        long width = model.width();
        long attention = width * model.headWidth() * (2L * model.heads() + 2L * model.keyValueHeads());
        long products = switch (model.mlp()) {
            case GATED -> 3;
            case PLAIN -> 2;
        };
        return 2 * tokens * model.layers() * (attention + products * width * model.mlpWidth());
    }

    /** Of the scores, queries times keys, and of what they read, probabilities times values. */
    long attention(PackedTokens tokens) {
        long products = 2;
        return 2 * products * visibleKeys(tokens) * model.layers() * model.heads() * model.headWidth();
    }

    /** Of the logits: only rows that predict a scored token need any. */
    long head(long scored) {
        return 2 * scored * model.width() * model.vocabularySize();
    }

    /** Returns how many tokens each token attends to, itself included, summed over the pack. */
    private static long visibleKeys(PackedTokens tokens) {
        long sum = 0;
        for (Segment segment : tokens.segments()) {
            long length = segment.length();
            sum += length * segment.prefixLength() + length * (length + 1) / 2;
        }
        return sum;
    }
}
