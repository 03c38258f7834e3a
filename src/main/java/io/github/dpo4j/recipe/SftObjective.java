package io.github.dpo4j.recipe;

import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.logprob.ScoredTokens;
import io.github.dpo4j.logprob.TokenLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.text.TokenizedCompletion;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import io.github.dpo4j.train.Objective;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/** Cross-entropy of completions: -log pi summed over a step's scored tokens, divided by their number. */
public record SftObjective(CausalLm policy, List<TokenizedCompletion> completions) implements Objective {
    @Override
    public int examples() {
        return completions.size();
    }

    @Override
    public List<String> metricNames() {
        return List.of("logps/completion");
    }

    @Override
    public MicroBatchResult run(int[] microBatch, List<int[]> step, boolean backward) {
        List<TokenizedCompletion> chosen =
                Arrays.stream(microBatch).mapToObj(completions::get).toList();
        PackedTokens tokens = PackedTokens.ofSequences(
                chosen.stream().map(TokenizedCompletion::promptIds).toList(),
                chosen.stream().map(TokenizedCompletion::completionIds).toList());
        if (!backward) {
            try (TensorScope _ = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                Tensor sums = TokenLogps.sums(policy, tokens);
                return result(tokens, sums, shares(sums, step));
            }
        }
        ScoredTokens scored = ScoredTokens.of(policy, tokens);
        Tensor sums = TokenLogps.sums(scored.logps(), tokens.scoredCounts());
        Tensor shares = shares(sums, step);
        shares.sum().backward();
        scored.backward();
        return result(tokens, sums, shares);
    }

    private Tensor shares(Tensor sums, List<int[]> step) {
        return sums.mul(new Scalar(-1.0 / scoredTokens(step)));
    }

    private static MicroBatchResult result(PackedTokens tokens, Tensor sums, Tensor shares) {
        return new MicroBatchResult(
                Tensors.toDoubles(shares), new double[][] {Tensors.toDoubles(sums)}, tokens.sequenceTokens());
    }

    private double scoredTokens(List<int[]> step) {
        return step.stream()
                .flatMapToInt(Arrays::stream)
                .mapToLong(i -> completions.get(i).completionIds().length)
                .sum();
    }

    @Override
    public long tokens(int example) {
        TokenizedCompletion completion = completions.get(example);
        return (long) completion.promptIds().length + completion.completionIds().length;
    }

    @Override
    public String describe(int example) {
        TokenizedCompletion completion = completions.get(example);
        return completion.origin() + " (prompt " + completion.promptIds().length + ", completion "
                + completion.completionIds().length + " tokens)";
    }
}
