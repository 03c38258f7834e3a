package io.github.dpo4j.objective;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * DPO of rankings under the Plackett-Luce model (Rafailov et al. 2023, appendix A.3): of K completions in order of preference,
 * -sum_k [beta r_k - logsumexp_{l >= k} beta r_l], r their log-ratios. With K = 2 it is DPO. beta > 0.
 */
public record PlackettLuce(double beta) implements TrainedLoss {
    public PlackettLuce {
        Ranges.requirePositive("beta", beta);
    }

    /**
     * Returns each ranking's loss, float32 [B].
     *
     * @param logRatios of all scored sequences, float32 [N]
     * @param sequences for each ranking the numbers of its sequences, best first
     */
    public Tensor perRanking(Tensor logRatios, int[][] sequences) {
        List<Tensor> losses = new ArrayList<>();
        for (int[] ranked : sequences) {
            losses.add(loss(logRatios, ranked));
        }
        return torch.stack(new TensorVector(losses.toArray(Tensor[]::new)));
    }

    private Tensor loss(Tensor logRatios, int[] ranked) {
        List<Tensor> r = new ArrayList<>();
        for (int sequence : ranked) {
            r.add(logRatios.select(0, sequence));
        }
        Tensor ofRanking = torch.stack(new TensorVector(r.toArray(Tensor[]::new)));
        Tensor sum = null;
        for (int k = 0; k < ranked.length - 1; k++) {
            // Differences first: beta r may be large where its differences are small.
            Tensor left =
                    ofRanking.narrow(0, k, ranked.length - k).sub(r.get(k)).mul(new Scalar(beta));
            Tensor term = torch.logsumexp(left, 0);
            sum = sum == null ? term : sum.add(term);
        }
        if (sum == null) {
            throw new IllegalArgumentException("a ranking has at least two completions");
        }
        return sum;
    }

    /** Returns the loss of a ranking of {@code completions} where policy = reference: ln K!. */
    public double atZero(int completions) {
        double sum = 0;
        for (int k = 2; k <= completions; k++) {
            sum += Math.log(k);
        }
        return sum;
    }

    @Override
    public boolean excludesReference() {
        return false;
    }

    @Override
    public String source() {
        return "Rafailov et al. 2023, appendix A.3";
    }
}
