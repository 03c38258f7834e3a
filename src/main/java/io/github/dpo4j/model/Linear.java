package io.github.dpo4j.model;

import io.github.dpo4j.model.lora.LowRank;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * y = x W^T + b in the type of x; master weights of another type are cast on the way, and gradients come back to them.
 *
 * @param lowRank an adapter beside W, or null
 */
public record Linear(
        Tensor weight,
        @Nullable Tensor bias,
        Layout layout,
        @Nullable LowRank lowRank) {
    /** How the weight lies in the file: [out, in] as nn.Linear keeps it, or [in, out] as GPT-2's Conv1D does. */
    public enum Layout {
        OUT_IN,
        IN_OUT;

        /** Returns a weight that lies so as [out, in], or the other way round. */
        public Tensor outIn(Tensor stored) {
            return switch (this) {
                case OUT_IN -> stored;
                case IN_OUT -> stored.t();
            };
        }
    }

    /** Maps [..., in] to [..., out]. */
    public Tensor apply(Tensor x) {
        Tensor outIn = layout.outIn(weight.to(x.scalar_type()));
        Tensor product = torch.linear(x, outIn);
        Tensor adapted = lowRank == null ? product : lowRank.adapt(product, x, outIn);
        return bias == null ? adapted : adapted.add(bias.to(x.scalar_type()));
    }
}
