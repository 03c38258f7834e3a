package io.github.dpo4j.generate;

import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.Tensors;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.StringViewOptional;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Chooses a next token for each row of logits; each row has its own random stream, so it does not depend on the others. */
final class TokenChooser {
    private final Sampling sampling;
    private final Device device;
    private final SplittableRandom[] randoms;

    /** {@code seeds} has one for each row. */
    TokenChooser(Sampling sampling, long[] seeds, Device device) {
        this.sampling = sampling;
        this.device = device;
        this.randoms = new SplittableRandom[seeds.length];
        for (int i = 0; i < seeds.length; i++) {
            randoms[i] = new SplittableRandom(seeds[i]);
        }
    }

    /** Returns a token for each row of float32 [B, vocabulary], int64 [B]. */
    Tensor choose(Tensor logits) {
        if (sampling.greedy()) {
            return logits.argmax(new LongOptional(1), false);
        }
        Tensor filtered = filtered(logits.div(new Scalar(sampling.temperature())));
        // The inverse of the cumulative distribution, in float64 so that rare tokens keep their share of 32,000.
        Tensor cumulative = filtered.softmax(1).to(ScalarType.Double).cumsum(1);
        Tensor total = cumulative.narrow(1, cumulative.size(1) - 1, 1);
        double[] uniform = new double[randoms.length];
        for (int i = 0; i < uniform.length; i++) {
            uniform[i] = randoms[i].nextDouble();
        }
        Tensor drawn = Tensors.ofDoubles(uniform, device).unsqueeze(1).mul(total);
        // Right side: the first token whose cumulative share exceeds the draw, so one of share 0 is never drawn.
        Tensor chosen =
                torch.searchsorted(cumulative, drawn, false, true, new StringViewOptional(), new TensorOptional());
        return chosen.squeeze(1);
    }

    private Tensor filtered(Tensor logits) {
        Tensor kept = logits;
        if (sampling.topK() > 0 && sampling.topK() < logits.size(1)) {
            Tensor kth = torch.topk(logits, sampling.topK()).get0().narrow(1, sampling.topK() - 1L, 1);
            kept = kept.masked_fill(kept.lt(kth), new Scalar(Double.NEGATIVE_INFINITY));
        }
        if (sampling.topP() < 1) {
            kept = withinTopP(kept);
        }
        return kept;
    }

    /** Keeps a token while those more likely than it hold less than topP together; the likeliest always stays. */
    private Tensor withinTopP(Tensor logits) {
        T_TensorTensor_T sorted = torch.sort(logits, new BoolOptional(true), 1, true);
        Tensor shares = sorted.get0().softmax(1);
        Tensor before = shares.cumsum(1).sub(shares);
        Tensor dropped = before.ge(new Scalar(sampling.topP()));
        Tensor sortedKept = sorted.get0().masked_fill(dropped, new Scalar(Double.NEGATIVE_INFINITY));
        return torch.empty_like(logits).scatter_(1, sorted.get1(), sortedKept);
    }
}
