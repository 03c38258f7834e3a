package io.github.dpo4j.train;

import io.github.dpo4j.kernel.Gradients;
import io.github.dpo4j.model.fused.FusedDecoder;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** The global L2 norm of the gradient, and clipping to it as torch's clip_grad_norm_ does. */
public final class GradientNorm {
    private static final long SLICE = 1 << 20;

    private GradientNorm() {}

    /** Returns the L2 norm of a flat float32 buffer, slices summed in float64; NaN or infinite if an element is. */
    public static double of(Tensor flat) {
        try (TensorScope _ = new TensorScope()) {
            return Math.sqrt(squares(Tensors.toDoubles(norms(flat))));
        }
    }

    /** Returns the norms of slices of a flat float32 buffer, [n] where it lies, for {@link #squares} once they are read. */
    static Tensor norms(Tensor flat) {
        if (FusedDecoder.runsOn(Device.of(flat))) {
            double squares = Gradients.squares(FusedDecoder.team(), Tensors.bytesOf(flat));
            return Tensors.ofDoubles(new double[] {Math.sqrt(squares)}, Device.of(flat));
        }
        try (TensorScope scope = new TensorScope();
                NoGrad _ = new NoGrad()) {
            List<Tensor> norms = new ArrayList<>();
            for (long at = 0; at < flat.numel(); at += SLICE) {
                norms.add(torch.linalg_vector_norm(flat.narrow(0, at, Math.min(SLICE, flat.numel() - at))));
            }
            return scope.keep(torch.stack(new TensorVector(norms.toArray(Tensor[]::new))));
        }
    }

    /** Returns the sum of the squares of {@link #norms}. */
    static double squares(double[] norms) {
        return Arrays.stream(norms).map(norm -> norm * norm).reduce(0, Double::sum);
    }

    /** Returns what gradients of this norm are multiplied with so that it is at most {@code maxNorm}; 0 leaves them as they are. */
    public static double clipScale(double norm, double maxNorm) {
        double factor = maxNorm / (norm + 1e-6);
        return maxNorm > 0 && factor < 1 ? factor : 1;
    }
}
