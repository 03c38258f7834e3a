package io.github.dpo4j.objective;

import org.bytedeco.pytorch.Tensor;

/**
 * What a preference loss sees of B pairs; all float32 [B].
 *
 * @param policyChosen log pi(y_w | x), summed over the completion; carries gradient, as does {@code policyRejected}
 * @param referenceChosen log pi_ref(y_w | x); 0 where there is no reference
 * @param chosenTokens |y_w|, the chosen completion's scored tokens
 */
public record LogRatios(
        Tensor policyChosen,
        Tensor policyRejected,
        Tensor referenceChosen,
        Tensor referenceRejected,
        Tensor chosenTokens,
        Tensor rejectedTokens) {

    /** Splits sums over 2B sequences, the B chosen ones first, and their token counts. */
    public static LogRatios of(Tensor policySums, Tensor referenceSums, Tensor counts) {
        long pairs = policySums.size(0) / 2;
        return new LogRatios(
                policySums.narrow(0, 0, pairs),
                policySums.narrow(0, pairs, pairs),
                referenceSums.narrow(0, 0, pairs),
                referenceSums.narrow(0, pairs, pairs),
                counts.narrow(0, 0, pairs),
                counts.narrow(0, pairs, pairs));
    }

    /** Returns log pi(y_w) - log pi_ref(y_w). */
    public Tensor chosen() {
        return policyChosen.sub(referenceChosen);
    }

    /** Returns log pi(y_l) - log pi_ref(y_l). */
    public Tensor rejected() {
        return policyRejected.sub(referenceRejected);
    }

    /** Returns the chosen minus the rejected log-ratio. */
    public Tensor margin() {
        return chosen().sub(rejected());
    }
}
