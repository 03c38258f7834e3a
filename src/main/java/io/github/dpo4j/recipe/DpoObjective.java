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
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import io.github.dpo4j.train.Objective;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
    public MicroBatchResult run(int[] microBatch, List<int[]> step, boolean backward) {
        PreferenceBatch batch = batch(microBatch);
        if (!backward) {
            try (TensorScope _ = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                LogRatios ratios = logRatios(batch, TokenLogps.of(policy, batch.tokens()));
                return result(batch, ratios, loss.shares(ratios, counts(step)));
            }
        }
        Tensor referenceSums = reference.sums(batch);
        ScoredTokens scored = ScoredTokens.of(policy, batch.tokens());
        LogRatios ratios = logRatios(batch, scored.logps(), referenceSums);
        Tensor shares = loss.shares(ratios, counts(step));
        shares.sum().backward();
        scored.backward();
        return result(batch, ratios, shares);
    }

    private MicroBatchResult result(PreferenceBatch batch, LogRatios ratios, Tensor shares) {
        return new MicroBatchResult(
                Tensors.toDoubles(shares),
                PairMetrics.of(ratios, beta),
                batch.tokens().sequenceTokens());
    }

    private LogRatios logRatios(PreferenceBatch batch, Tensor policyLogps) {
        return logRatios(batch, policyLogps, reference.sums(batch));
    }

    /** Holds the logps of both completions of every pair under the policy, token by token, against the reference's. */
    private LogRatios logRatios(PreferenceBatch batch, Tensor policyLogps, Tensor referenceSums) {
        int[] scored = batch.tokens().scoredCounts();
        float[] counts = new float[scored.length];
        for (int i = 0; i < counts.length; i++) {
            counts[i] = scored[i];
        }
        Tensor policySums = TokenLogps.sums(policyLogps, scored);
        return LogRatios.of(policySums, referenceSums, Tensors.ofFloats(counts, policy.device()));
    }

    PreferenceBatch batch(int[] numbers) {
        List<TokenizedPair> chosen = new ArrayList<>();
        for (int number : numbers) {
            chosen.add(pairs.get(number));
        }
        return PreferenceBatch.of(chosen);
    }

    private StepCounts counts(List<int[]> step) {
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
        TokenizedPair pair = pairs.get(example);
        return (long) pair.promptIds().length + pair.chosenIds().length + pair.rejectedIds().length;
    }

    @Override
    public String describe(int example) {
        TokenizedPair pair = pairs.get(example);
        return pair.origin() + " (prompt " + pair.promptIds().length + ", chosen " + pair.chosenIds().length
                + ", rejected " + pair.rejectedIds().length + " tokens)";
    }
}
