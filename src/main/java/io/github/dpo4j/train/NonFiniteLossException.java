package io.github.dpo4j.train;

import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.Tensors;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/** A micro-batch's loss that is NaN or infinite, found before its backward: gradients and weights are as they were. */
public final class NonFiniteLossException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int[] places;

    private NonFiniteLossException(int[] places) {
        super("the loss is not finite on examples " + Arrays.toString(places) + " of the micro-batch");
        this.places = places;
    }

    /** Throws where one of the examples' loss shares is not finite. */
    public static void check(double[] shares) {
        int[] places = IntStream.range(0, shares.length)
                .filter(i -> !Double.isFinite(shares[i]))
                .toArray();
        if (places.length > 0) {
            throw new NonFiniteLossException(places);
        }
    }

    /**
     * As {@link #check(double[])} with float32 shares on their device, before their backward. A GPU is not waited for: what is
     * not finite there is found when the step is read.
     */
    public static void check(Tensor shares) {
        if (!Device.of(shares).isCuda()) {
            check(Tensors.toDoubles(shares));
        }
    }

    /** Returns which examples of the micro-batch they are, from 0. */
    int[] places() {
        return places.clone();
    }
}
