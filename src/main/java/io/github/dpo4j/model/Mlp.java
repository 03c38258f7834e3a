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

    /** As {@link Gated}, with one product whose first half is the gate. */
    record FusedGated(Linear gateUp, Linear down, Activation activation) implements Mlp {
        @Override
        public Tensor apply(Tensor x) {
            Tensor both = gateUp.apply(x);
            long inner = both.size(-1) / 2;
            Tensor gate = both.narrow(-1, 0, inner);
            return down.apply(activation.apply(gate).mul(both.narrow(-1, inner, inner)));
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
