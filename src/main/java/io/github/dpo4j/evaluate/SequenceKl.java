package io.github.dpo4j.evaluate;

import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.logprob.TokenLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.List;

/**
 * The sampled KL divergence of whole completions, KL(policy || reference) = E[log pi(y|x) - log pi_ref(y|x)] over y drawn from
 * the policy at temperature 1 without filters, in nats.
 *
 * @param mean over the samples
 * @param standardError of the mean
 */
public record SequenceKl(double mean, double standardError, int samples) {
    private static final int BATCH = 32;

    /** Scores the policy's own completions under both models. */
    public static SequenceKl of(CausalLm policy, CausalLm reference, List<int[]> prompts, List<int[]> completions) {
        double sum = 0;
        double squares = 0;
        for (int start = 0; start < prompts.size(); start += BATCH) {
            int end = Math.min(prompts.size(), start + BATCH);
            try (TensorScope _ = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                PackedTokens tokens =
                        PackedTokens.ofSequences(prompts.subList(start, end), completions.subList(start, end));
                double[] differences =
                        Tensors.toDoubles(TokenLogps.sums(policy, tokens).sub(TokenLogps.sums(reference, tokens)));
                for (double difference : differences) {
                    sum += difference;
                    squares += difference * difference;
                }
            }
        }
        int n = prompts.size();
        double mean = sum / n;
        double variance = n > 1 ? Math.max(0, squares - n * mean * mean) / (n - 1) : Double.NaN;
        return new SequenceKl(mean, Math.sqrt(variance / n), n);
    }
}
