package io.github.dpo4j.objective;

import io.github.dpo4j.UserError;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/** A weighted sum of losses; one loss alone is a mix of one. */
public record LossMix(List<Term> terms) {
    /** One loss and its weight, a finite number other than 0. */
    public record Term(PreferenceLoss loss, double weight) {
        public Term {
            if (!Double.isFinite(weight) || weight == 0) {
                throw new UserError("a loss weight is " + weight + "; it must be a finite number other than 0");
            }
        }
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
    }

    /** Returns each pair's share of the step's mean loss, float32 [B]: they sum to the loss over all micro-batches of the step. */
    public Tensor shares(LogRatios ratios, StepCounts counts) {
        Tensor sum = null;
        for (Term term : terms) {
            double factor = term.weight() / counts.of(term.loss().denominator());
            Tensor part = term.loss().perPair(ratios).mul(new Scalar(factor));
            sum = sum == null ? part : sum.add(part);
        }
        if (sum == null) {
            throw new IllegalStateException("a mix has at least one term");
        }
        return sum;
    }

    /** Returns the mean loss where policy = reference, if it is the same for all data: ln 2 for DPO. */
    public OptionalDouble atZero() {
        double sum = 0;
        for (Term term : terms) {
            if (!term.loss().needsReference()) {
                return OptionalDouble.empty();
            }
            sum += term.weight() * term.loss().atZero();
        }
        return OptionalDouble.of(sum);
    }

    /** Returns where the losses are written down. */
    public String source() {
        return String.join(
                "; ", terms.stream().map(term -> term.loss().source()).toList());
    }
}
