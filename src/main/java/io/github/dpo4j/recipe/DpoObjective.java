package io.github.dpo4j.recipe;

import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.logprob.ReferenceLogps;
import io.github.dpo4j.logprob.ScoredTokens;
import io.github.dpo4j.logprob.TokenLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.objective.LogRatios;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PairMetrics;
import io.github.dpo4j.objective.StepCounts;
import io.github.dpo4j.text.TokenizedPair;
import io.github.dpo4j.torch.Tensors;
import io.github.dpo4j.train.NonFiniteLossException;
import io.github.dpo4j.train.Objective;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/**
 * The preference loss of a policy over pairs (Rafailov et al. 2023, Eq. 7, and its relatives).
 *
 * @param beta what logged rewards are scaled with
 */
public record DpoObjective(
        CausalLm policy, ReferenceLogps reference, LossMix loss, double beta, List<TokenizedPair> pairs)
        implements Objective {

    @Override
    public int examples() {
        return pairs.size();
    }

    @Override
    public List<String> metricNames() {
        return PairMetrics.NAMES;
    }

    @Override
    public Stream<MicroBatch> prepare(List<int[]> step) {
        StepCounts counts = counts(step);
        return step.stream().map(numbers -> new Prepared(this, numbers, batch(numbers), counts));
    }

    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Prepared(DpoObjective objective, int[] examples, PreferenceBatch batch, StepCounts counts)
            implements MicroBatch {
        @Override
        public Unread start(boolean backward) {
            return objective.start(batch, counts, backward);
        }
    }

    private Unread start(PreferenceBatch batch, StepCounts counts, boolean backward) {
        Tensor referenceSums = reference.sums(batch);
        if (!backward) {
            LogRatios ratios = logRatios(batch, TokenLogps.sums(policy, batch.tokens()), referenceSums);
            return unread(batch, ratios, loss.shares(ratios, counts));
        }
        ScoredTokens scored = ScoredTokens.of(policy, batch.tokens());
        LogRatios ratios = logRatios(batch, scored.sums(), referenceSums);
        Tensor shares = loss.shares(ratios, counts);
        NonFiniteLossException.check(shares);
        shares.sum().backward();
        scored.backward();
        return unread(batch, ratios, shares);
    }

    Unread unread(PreferenceBatch batch, LogRatios ratios, Tensor shares) {
        return new Unread(PairMetrics.rows(shares, ratios), read -> {
            PairMetrics metrics = PairMetrics.of(read, beta);
            return new MicroBatchResult(
                    metrics.lossShares(), metrics.values(), batch.tokens().sequenceTokens());
        });
    }

    LogRatios logRatios(PreferenceBatch batch, Tensor policySums, Tensor referenceSums) {
        float[] counts = new float[batch.tokens().scoredCounts().length];
        for (int i = 0; i < counts.length; i++) {
            counts[i] = batch.tokens().scoredCounts()[i];
        }
        return LogRatios.of(policySums, referenceSums, Tensors.ofFloats(counts, policy.device()));
    }

    PreferenceBatch batch(int[] numbers) {
        List<TokenizedPair> chosen = new ArrayList<>();
        for (int number : numbers) {
            chosen.add(pairs.get(number));
        }
        return PreferenceBatch.of(chosen);
    }

    StepCounts counts(List<int[]> step) {
        long count = 0;
        long chosenTokens = 0;
        for (int[] microBatch : step) {
            count += microBatch.length;
            chosenTokens += Arrays.stream(microBatch)
                    .mapToLong(i -> pairs.get(i).chosenIds().length)
                    .sum();
        }
        return new StepCounts(count, chosenTokens);
    }

    @Override
    public long tokens(int example) {
        return tokens(pairs.get(example));
    }

    /** Returns a pair's packed tokens. */
    static long tokens(TokenizedPair pair) {
        return (long) pair.promptIds().length + pair.chosenIds().length + pair.rejectedIds().length;
    }

    @Override
    public String describe(int example) {
        TokenizedPair pair = pairs.get(example);
        return pair.origin() + " (prompt " + pair.promptIds().length + ", chosen " + pair.chosenIds().length
                + ", rejected " + pair.rejectedIds().length + " tokens)";
    }
}
