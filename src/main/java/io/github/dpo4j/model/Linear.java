package io.github.dpo4j.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** y = x W^T + b in the type of x; master weights of another type are cast on the way, and gradients come back to them. */
public record Linear(Tensor weight, @Nullable Tensor bias, Layout layout) {
    /** How the weight lies in the file: [out, in] as nn.Linear keeps it, or [in, out] as GPT-2's Conv1D does. */
    public enum Layout {
        OUT_IN,
        IN_OUT
    }

    /** Maps [..., in] to [..., out]. */
    public Tensor apply(Tensor x) {
        Tensor weightAsX = weight.to(x.scalar_type());
        Tensor outIn = switch (layout) {
            case OUT_IN -> weightAsX;
            case IN_OUT -> weightAsX.t();
        };
        return bias == null
                ? torch.linear(x, outIn)
                : torch.linear(x, outIn, new TensorOptional(bias.to(x.scalar_type())));
    }
}
