package io.github.dpo4j.model;

import org.bytedeco.pytorch.Tensor;

/** The products that make queries, keys and values of the residual stream. */
sealed interface Qkv {
    /** Queries [T, heads, headWidth]; keys and values [T, keyValueHeads, headWidth]. */
    record Heads(Tensor queries, Tensor keys, Tensor values) {}

    /** Maps [T, width] to heads. */
    Heads apply(Tensor x);

    record Separate(Linear query, Linear key, Linear value, int headWidth) implements Qkv {
        @Override
        public Heads apply(Tensor x) {
            return new Heads(
                    query.apply(x).view(x.size(0), -1, headWidth),
                    key.apply(x).view(x.size(0), -1, headWidth),
                    value.apply(x).view(x.size(0), -1, headWidth));
        }
    }

    record FusedBlocks(Linear fused, int heads, int keyValueHeads, int headWidth) implements Qkv {
        @Override
        public Heads apply(Tensor x) {
            Tensor all = fused.apply(x).view(x.size(0), -1, headWidth);
            return new Heads(
                    all.narrow(1, 0, heads),
                    all.narrow(1, heads, keyValueHeads),
                    all.narrow(1, heads + keyValueHeads, keyValueHeads));
        }
    }

    record FusedPerHead(Linear fused, int heads, int headWidth) implements Qkv {
        @Override
        public Heads apply(Tensor x) {
            Tensor all = fused.apply(x).view(x.size(0), heads, 3L * headWidth);
            return new Heads(
                    all.narrow(2, 0, headWidth),
                    all.narrow(2, headWidth, headWidth),
                    all.narrow(2, 2L * headWidth, headWidth));
        }
    }
}
