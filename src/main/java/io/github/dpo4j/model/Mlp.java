package io.github.dpo4j.model;

import org.bytedeco.pytorch.Tensor;

/** The feed-forward part of a layer: [T, width] to [T, width]. */
sealed interface Mlp {
    Tensor apply(Tensor x);

    /** down(act(gate(x)) * up(x)), as in Llama (Shazeer 2020, arXiv 2002.05202). */
    record Gated(Linear gate, Linear up, Linear down, Activation activation) implements Mlp {
        @Override
        public Tensor apply(Tensor x) {
            return down.apply(activation.apply(gate.apply(x)).mul(up.apply(x)));
        }
    }

    /** down(act(up(x))). */
    record Plain(Linear up, Linear down, Activation activation) implements Mlp {
        @Override
        public Tensor apply(Tensor x) {
            return down.apply(activation.apply(up.apply(x)));
        }
    }
}
