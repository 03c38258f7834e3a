package io.github.dpo4j.objective;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * What a preference loss sees of B pairs; all tensors float32 [B].
 *
 * @param policyChosen log pi(y_w | x) as log-ratios are made of it: summed over the completion, under LD-DPO with its verbose
 *     part weighted; carries gradient, as all of the policy's do
 * @param referenceChosen log pi_ref(y_w | x), summed likewise; 0 where there is no reference
 * @param chosenTokens |y_w|, the chosen completion's scored tokens
 * @param wholeChosen log pi(y_w | x), summed over all of the completion
 * @param divergence what makes scores of log-ratios
 */
public record LogRatios(
        Tensor policyChosen,
        Tensor policyRejected,
        Tensor referenceChosen,
        Tensor referenceRejected,
        Tensor chosenTokens,
        Tensor rejectedTokens,
        Tensor wholeChosen,
        Tensor wholeRejected,
        FDivergence divergence) {
    /** The numbers that are kept of a pair. */
    public static final int ROWS = 8;

    /** Log-ratios of whole completions under the reverse KL divergence: those of DPO. */
    public LogRatios(
            Tensor policyChosen,
            Tensor policyRejected,
            Tensor referenceChosen,
            Tensor referenceRejected,
            Tensor chosenTokens,
            Tensor rejectedTokens) {
        this(
                policyChosen,
                policyRejected,
                referenceChosen,
                referenceRejected,
                chosenTokens,
                rejectedTokens,
                policyChosen,
                policyRejected,
                new FDivergence.ReverseKl());
    }

    /**
     * Splits sums over 2B sequences, the B chosen ones first, and their token counts.
     *
     * @param policySums as log-ratios are made of them, [2B]; {@code wholeSums} over all tokens
     */
    public static LogRatios of(Tensor policySums, Tensor referenceSums, Tensor counts, Tensor wholeSums) {
        return new LogRatios(
                chosen(policySums),
                rejected(policySums),
                chosen(referenceSums),
                rejected(referenceSums),
                chosen(counts),
                rejected(counts),
                chosen(wholeSums),
                rejected(wholeSums),
                new FDivergence.ReverseKl());
    }

    /** As of the rows that {@link #stacked} gives. */
    public static LogRatios ofStacked(Tensor rows) {
        return new LogRatios(
                rows.select(0, 0),
                rows.select(0, 1),
                rows.select(0, 2),
                rows.select(0, 3),
                rows.select(0, 4),
                rows.select(0, 5),
                rows.select(0, 6),
                rows.select(0, 7),
                new FDivergence.ReverseKl());
    }

    /** Returns all numbers, in the order of this record's components, float32 [{@value #ROWS}, B]; the divergence is left out. */
    public Tensor stacked() {
        return torch.stack(new TensorVector(
                policyChosen,
                policyRejected,
                referenceChosen,
                referenceRejected,
                chosenTokens,
                rejectedTokens,
                wholeChosen,
                wholeRejected));
    }

    private static Tensor chosen(Tensor ofSequences) {
        return ofSequences.narrow(0, 0, ofSequences.size(0) / 2);
    }

    private static Tensor rejected(Tensor ofSequences) {
        long pairs = ofSequences.size(0) / 2;
        return ofSequences.narrow(0, pairs, pairs);
    }

    /** Returns the same log-ratios with scores of another divergence. */
    public LogRatios under(FDivergence other) {
        return new LogRatios(
                policyChosen,
                policyRejected,
                referenceChosen,
                referenceRejected,
                chosenTokens,
                rejectedTokens,
                wholeChosen,
                wholeRejected,
                other);
    }

    /** Returns log pi(y_w) - log pi_ref(y_w). */
    public Tensor chosen() {
        return policyChosen.sub(referenceChosen);
    }

    /** Returns log pi(y_l) - log pi_ref(y_l). */
    public Tensor rejected() {
        return policyRejected.sub(referenceRejected);
    }

    /** Returns the score of the chosen completion: its log-ratio, unless another divergence than DPO's is asked for. */
    public Tensor chosenScore() {
        return divergence.score(chosen());
    }

    /** Returns the score of the rejected completion. */
    public Tensor rejectedScore() {
        return divergence.score(rejected());
    }

    /** Returns the chosen minus the rejected score: D. */
    public Tensor margin() {
        return chosenScore().sub(rejectedScore());
    }

    /** Returns the difference of scores a token. */
    public Tensor meanMargin() {
        return chosenScore().div(chosenTokens).sub(rejectedScore().div(rejectedTokens));
    }

    /** Returns the mean of the policy's token logps over the chosen completion. */
    public Tensor chosenMeanLogps() {
        return wholeChosen.div(chosenTokens);
    }

    /** Returns the mean of the policy's token logps over the rejected completion. */
    public Tensor rejectedMeanLogps() {
        return wholeRejected.div(rejectedTokens);
    }
}
