package io.github.dpo4j.objective;

import io.github.dpo4j.UserError;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A weighted sum of losses, and what they have in common; one loss alone is a mix of one.
 *
 * @param divergence what makes scores of log-ratios; another one than the reverse KL only for losses of score differences
 * @param ldAlpha LD-DPO (Liu et al. 2024, arXiv 2409.06411): a completion's tokens beyond the length of the other one count so
 *     much in log-ratios, from 0 to 1; empty for all alike
 * @param weighted WPO (Zhou et al. 2024, arXiv 2406.11827): a pair counts the more the likelier it is under the policy
 */
public record LossMix(List<Term> terms, FDivergence divergence, OptionalDouble ldAlpha, boolean weighted)
        implements TrainedLoss {
    /** One loss and its weight, a finite number other than 0. */
    public record Term(PreferenceLoss loss, double weight) {
        public Term {
            if (!Double.isFinite(weight) || weight == 0) {
                throw new UserError("a loss weight is " + weight + "; it must be a finite number other than 0");
            }
        }
    }

    /** A mix of losses as they are. */
    public LossMix(List<Term> terms) {
        this(terms, new FDivergence.ReverseKl(), OptionalDouble.empty(), false);
    }

    public LossMix {
        terms = List.copyOf(terms);
        if (terms.isEmpty()) {
            throw new UserError("--loss names no loss");
        }
        Set<PreferenceLoss> seen = new HashSet<>();
        for (Term term : terms) {
            if (!seen.add(term.loss())) {
                throw new UserError("--loss names " + term.loss() + " twice; give it one weight instead");
            }
        }
        requireDivergence(terms, divergence);
        if (ldAlpha.isPresent()) {
            double alpha = ldAlpha.getAsDouble();
            if (!(alpha >= 0 && alpha <= 1)) {
                throw new UserError("ld_alpha is " + alpha + "; it must be from 0 to 1");
            }
            if (terms.stream().noneMatch(term -> term.loss().needsReference())) {
                throw new UserError("ld_alpha is for losses of log-ratios, which --loss does not name");
            }
        }
        if (weighted && terms.stream().anyMatch(term -> term.loss().couplesPairs())) {
            throw new UserError("use_weighting does not go with aot or aot_unpaired: they compare values of different"
                    + " pairs, so no pair's weight belongs to one of them");
        }
    }

    private static void requireDivergence(List<Term> terms, FDivergence divergence) {
        if (divergence instanceof FDivergence.ReverseKl) {
            return;
        }
        for (Term term : terms) {
            if (!term.loss().takesDivergence() && !(term.loss() instanceof PreferenceLoss.Sft)) {
                throw new UserError(
                        "f_divergence goes with losses of score differences (sigmoid, sigmoid_norm, hinge, ipo,"
                                + " exo_pair, robust, discopop), alone or with sft, not with " + term.loss());
            }
        }
        if (terms.stream().noneMatch(term -> term.loss().takesDivergence())) {
            throw new UserError("f_divergence has no effect on sft alone; leave it away");
        }
    }

    /** True if a loss reads the reference's logps. */
    public boolean needsReference() {
        return terms.stream().anyMatch(term -> term.loss().needsReference());
    }

    /**
     * True if a reference would be of no use: no loss reads it, and one is made to do without. With SFT alone a reference still
     * measures the rewards that are logged.
     */
    @Override
    public boolean excludesReference() {
        return !needsReference() && terms.stream().anyMatch(term -> term.loss() instanceof LikelihoodLoss);
    }

    /** True if a pair's loss depends on other pairs of the step. */
    public boolean couplesPairs() {
        return terms.stream().anyMatch(term -> term.loss().couplesPairs());
    }

    /** As {@link #shares(LogRatios, StepCounts, Tensor)} of a mix that weighs no pairs. */
    public Tensor shares(LogRatios ratios, StepCounts counts) {
        return shares(ratios, counts, null);
    }

    /**
     * Returns each pair's share of the step's mean loss, float32 [B]: they sum to the loss over all micro-batches of the step.
     *
     * @param weights of the pairs, float32 [B] without gradient; null unless {@link #weighted}
     */
    public Tensor shares(LogRatios ratios, StepCounts counts, @Nullable Tensor weights) {
        if (weighted != (weights != null)) {
            throw new IllegalArgumentException("weights are for a mix that is weighted, and needed there");
        }
        LogRatios scored = ratios.under(divergence);
        Tensor sum = null;
        for (Term term : terms) {
            double factor = term.weight() / counts.of(term.loss().denominator());
            Tensor part = term.loss().perPair(scored).mul(new Scalar(factor));
            sum = sum == null ? part : sum.add(part);
        }
        if (sum == null) {
            throw new IllegalStateException("a mix has at least one term");
        }
        return weights == null ? sum : sum.mul(weights);
    }

    /** Returns the mean loss where policy = reference, if it is the same for all data: ln 2 for DPO. */
    public OptionalDouble atZero() {
        if (weighted) {
            return OptionalDouble.empty();
        }
        double sum = 0;
        for (Term term : terms) {
            if (!term.loss().needsReference()) {
                return OptionalDouble.empty();
            }
            sum += term.weight() * term.loss().atZero();
        }
        return OptionalDouble.of(sum);
    }

    /** Returns the sum of |weight x loss| where {@link #atZero} is known: weights below 0 may leave a small loss of large parts. */
    public double sizeAtZero() {
        return terms.stream()
                .mapToDouble(term -> Math.abs(term.weight() * term.loss().atZero()))
                .sum();
    }

    /** Returns the mix of pairs that all have the same weight, a number: what a weighted mix is where weights do not move. */
    public LossMix held(double pairWeight) {
        return new LossMix(
                terms.stream()
                        .map(term -> new Term(term.loss(), term.weight() * pairWeight))
                        .toList(),
                divergence,
                ldAlpha,
                false);
    }

    @Override
    public String source() {
        List<String> sources = new ArrayList<>(
                terms.stream().map(term -> term.loss().source()).distinct().toList());
        if (!(divergence instanceof FDivergence.ReverseKl)) {
            sources.add("f-DPO, Wang et al. 2023");
        }
        if (ldAlpha.isPresent()) {
            sources.add("LD-DPO, Liu et al. 2024");
        }
        if (weighted) {
            sources.add("WPO, Zhou et al. 2024");
        }
        return String.join("; ", sources);
    }
}
