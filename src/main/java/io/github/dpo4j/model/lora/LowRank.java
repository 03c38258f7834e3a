package io.github.dpo4j.model.lora;

import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * A linear layer's adapter, W + s B A, by libtorch.
 *
 * @param a [rank, in]
 * @param b [out, rank]
 * @param magnitude the lengths of the sum's rows, [out]; null where they are what they are
 * @param dropout what falls out in training, and with which random numbers
 */
public record LowRank(Tensor a, Tensor b, @Nullable Tensor magnitude, double scale, Dropout dropout) {

    /** Returns what W x becomes, [T, out] in the type of x, given that product and W as [out, in]. */
    public Tensor adapt(Tensor product, Tensor x, Tensor outIn) {
        ScalarType type = x.scalar_type();
        Tensor seen = dropout.apply(x);
        Tensor low = torch.linear(torch.linear(seen, a.to(type)), b.to(type)).mul(new Scalar(scale));
        Tensor sum = product.add(low);
        return magnitude == null ? sum : sum.mul(magnitude.div(rowNorms(outIn)).to(type));
    }

    /** Returns the adapter of some rows of W. */
    public LowRank rows(int from, int count) {
        return new LowRank(
                a,
                b.narrow(0, from, count),
                magnitude == null ? null : magnitude.narrow(0, from, count),
                scale,
                dropout);
    }

    /** Returns the lengths of the rows of W + s B A, float32 [out], without gradient, as DoRA takes them; W is [out, in]. */
    public Tensor rowNorms(Tensor outIn) {
        try (TensorScope scope = new TensorScope();
                NoGrad _ = new NoGrad()) {
            return scope.keep(torch.norm(sum(outIn), new ScalarOptional(new Scalar(2.0)), 1));
        }
    }

    /** Returns W + s B A, float32 [out, in]. */
    private Tensor sum(Tensor outIn) {
        Tensor low = b.to(ScalarType.Float).matmul(a.to(ScalarType.Float));
        return outIn.to(ScalarType.Float).add(low, new Scalar(scale));
    }

    /** Returns the weight that does what W and the adapter do, float32 [out, in]; in the innermost scope. */
    public Tensor merged(Tensor outIn) {
        try (TensorScope scope = new TensorScope();
                NoGrad _ = new NoGrad()) {
            Tensor sum = sum(outIn);
            return scope.keep(
                    magnitude == null
                            ? sum
                            : sum.mul(magnitude
                                    .to(ScalarType.Float)
                                    .div(rowNorms(outIn))
                                    .unsqueeze(1)));
        }
    }
}
