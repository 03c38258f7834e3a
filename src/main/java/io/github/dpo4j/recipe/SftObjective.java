package io.github.dpo4j.recipe;

import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.logprob.ScoredTokens;
import io.github.dpo4j.logprob.TokenLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.text.TokenizedCompletion;
import io.github.dpo4j.train.NonFiniteLossException;
import io.github.dpo4j.train.Objective;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

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
    public Stream<MicroBatch> prepare(List<int[]> step) {
        double scoredTokens = scoredTokens(step);
        return step.stream().map(numbers -> new Prepared(this, numbers, pack(numbers), scoredTokens));
    }

    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Prepared(SftObjective objective, int[] examples, PackedTokens tokens, double stepTokens)
            implements MicroBatch {
        @Override
        public Unread start(boolean backward) {
            return objective.score(tokens, stepTokens, backward);
        }
    }

    private PackedTokens pack(int[] numbers) {
        List<TokenizedCompletion> chosen =
                Arrays.stream(numbers).mapToObj(completions::get).toList();
        return PackedTokens.ofSequences(
                chosen.stream().map(TokenizedCompletion::promptIds).toList(),
                chosen.stream().map(TokenizedCompletion::completionIds).toList());
    }

    /** {@code stepTokens} are the scored tokens of the whole step. */
    private Unread score(PackedTokens tokens, double stepTokens, boolean backward) {
        if (!backward) {
            Tensor sums = TokenLogps.sums(policy, tokens);
            return unread(tokens, sums, sums.mul(new Scalar(-1.0 / stepTokens)));
        }
        ScoredTokens scored = ScoredTokens.of(policy, tokens);
        Tensor sums = scored.sums();
        Tensor shares = sums.mul(new Scalar(-1.0 / stepTokens));
        NonFiniteLossException.check(shares);
        shares.sum().backward();
        scored.backward();
        return unread(tokens, sums, shares);
    }

    private static Unread unread(PackedTokens tokens, Tensor sums, Tensor shares) {
        return new Unread(torch.stack(new TensorVector(shares.detach(), sums.detach())), read -> {
            int count = read.length / 2;
            return new MicroBatchResult(
                    Arrays.copyOf(read, count),
                    new double[][] {Arrays.copyOfRange(read, count, 2 * count)},
                    tokens.sequenceTokens());
        });
    }

    private double scoredTokens(List<int[]> step) {
        return step.stream()
                .flatMapToInt(Arrays::stream)
                .mapToLong(i -> completions.get(i).completionIds().length)
                .sum();
    }

    @Override
    public long tokens(int example) {
        return tokens(completions.get(example));
    }

    /** Returns an example's packed tokens. */
    static long tokens(TokenizedCompletion completion) {
        return (long) completion.promptIds().length + completion.completionIds().length;
    }

    @Override
    public String describe(int example) {
        TokenizedCompletion completion = completions.get(example);
        return completion.origin() + " (prompt " + completion.promptIds().length + ", completion "
                + completion.completionIds().length + " tokens)";
    }
}
