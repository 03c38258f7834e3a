package io.github.dpo4j.objective;

import io.github.dpo4j.UserError;
import io.github.dpo4j.torch.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * Alignment by optimal transport (AOT, Melnyk et al. 2024, arXiv 2406.05882): one distribution is to lie above another, so
 * values are compared in order of size. Sorting is over each {@code pairs} pairs of a step in its order, the last maybe fewer.
 */
public sealed interface SortedLoss extends PreferenceLoss {
    int pairs();

    @Override
    default boolean couplesPairs() {
        return true;
    }

    @Override
    default double atZero() {
        return Math.log(2);
    }

    @Override
    default String source() {
        return "Melnyk et al. 2024";
    }

    /**
     * Paired: d = sort(policy's chosen - rejected) - sort(reference's chosen - rejected);
     * -(1 - e) log sigmoid(beta d) - e log sigmoid(-beta d). beta > 0; labelSmoothing in [0, 0.5); pairs at least 1.
     */
    record Aot(double beta, double labelSmoothing, int pairs) implements SortedLoss {
        public Aot {
            require(beta, labelSmoothing, pairs);
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            return inGroups(
                    pairs,
                    ratios.policyChosen().sub(ratios.policyRejected()),
                    ratios.referenceChosen().sub(ratios.referenceRejected()),
                    (policy, reference) -> loss(policy, reference, beta, labelSmoothing));
        }
    }

    /** Unpaired: d = sort(r_c) - sort(r_j), and then as {@link Aot}. */
    record AotUnpaired(double beta, double labelSmoothing, int pairs) implements SortedLoss {
        public AotUnpaired {
            require(beta, labelSmoothing, pairs);
        }

        @Override
        public Tensor perPair(LogRatios ratios) {
            return inGroups(
                    pairs,
                    ratios.chosen(),
                    ratios.rejected(),
                    (chosen, rejected) -> loss(chosen, rejected, beta, labelSmoothing));
        }
    }

    private static void require(double beta, double labelSmoothing, int pairs) {
        Ranges.requirePositive("beta", beta);
        Ranges.requireSmoothing(labelSmoothing);
        if (pairs < 1) {
            throw new UserError("aot sorts within " + pairs + " pairs; it must be at least 1");
        }
    }

    private static Tensor inGroups(int pairs, Tensor upper, Tensor lower, BiFunction<Tensor, Tensor, Tensor> loss) {
        List<Tensor> groups = new ArrayList<>();
        long all = upper.size(0);
        for (long from = 0; from < all; from += pairs) {
            long length = Math.min(pairs, all - from);
            groups.add(loss.apply(upper.narrow(0, from, length), lower.narrow(0, from, length)));
        }
        return Tensors.cat(0, groups.toArray(Tensor[]::new));
    }

    /** The loss at each rank, put where the value of that rank in {@code upper} is. */
    private static Tensor loss(Tensor upper, Tensor lower, double beta, double labelSmoothing) {
        Tensor order = upper.detach().argsort(true, 0, false);
        Tensor orderOfLower = lower.detach().argsort(true, 0, false);
        Tensor d = upper.index_select(0, order).sub(lower.index_select(0, orderOfLower));
        Tensor byRank = PreferenceLoss.Sigmoid.smoothed(d.mul(new Scalar(beta)), labelSmoothing);
        return byRank.index_select(0, order.argsort(true, 0, false));
    }
}
