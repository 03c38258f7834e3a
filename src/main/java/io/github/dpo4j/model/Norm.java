package io.github.dpo4j.model;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Normalisation over the last dimension, computed in float32 and returned in the type of x. */
sealed interface Norm {
    Tensor apply(Tensor x);

    /** RMSNorm (Zhang and Sennrich 2019, arXiv 1910.07467); {@code base} 1 where weights say by how much they differ from 1. */
    record Rms(Tensor weight, double base, double epsilon) implements Norm {
        @Override
        public Tensor apply(Tensor x) {
            Tensor x32 = x.to(ScalarType.Float);
            Tensor meanSquare = x32.mul(x32).mean(new long[] {-1}, true, new ScalarTypeOptional());
            Tensor normed = x32.mul(meanSquare.add(new Scalar(epsilon)).rsqrt());
            Tensor gain = weight.to(ScalarType.Float);
            return normed.mul(base == 0 ? gain : gain.add(new Scalar(base))).to(x.scalar_type());
        }
    }

    /** LayerNorm (Ba et al. 2016, arXiv 1607.06450) with gain and bias. */
    record Layer(Tensor weight, Tensor bias, double epsilon) implements Norm {
        @Override
        public Tensor apply(Tensor x) {
            return torch.layer_norm(
                            x.to(ScalarType.Float),
                            new long[] {weight.size(0)},
                            new TensorOptional(weight.to(ScalarType.Float)),
                            new TensorOptional(bias.to(ScalarType.Float)),
                            epsilon,
                            false)
                    .to(x.scalar_type());
        }
    }
}
