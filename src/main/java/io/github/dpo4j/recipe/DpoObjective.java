package io.github.dpo4j.recipe;

import io.github.dpo4j.batch.PackedTokens;
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
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import io.github.dpo4j.train.NonFiniteLossException;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The preference loss of a policy over pairs (Rafailov et al. 2023, Eq. 7, and its relatives).
 *
 * @param beta what logged rewards are scaled with
 */
public record DpoObjective(
        CausalLm policy, ReferenceLogps reference, LossMix loss, double beta, List<TokenizedPair> pairs)
        implements PreferenceObjective {

    @Override
    public List<TokenizedPair> preferences() {
        return pairs;
    }

    @Override
    public OptionalDouble atZero(int[] numbers) {
        return loss.atZero();
    }

    @Override
    public double sizeAtZero(int[] numbers) {
        return loss.sizeAtZero();
    }

    @Override
    public DpoObjective computingIn(ComputeType type) {
        return new DpoObjective(policy.computingIn(type), reference, loss, beta, pairs);
    }

    @Override
    public Stream<MicroBatch> prepare(List<int[]> packs) {
        return prepare(packs.stream().flatMapToInt(Arrays::stream).toArray(), packs);
    }

    @Override
    public Stream<MicroBatch> prepare(int[] step, List<int[]> packs) {
        StepCounts counts = counts(packs);
        CoupledStep coupled =
                loss.couplesPairs() && packs.size() > 1 ? new CoupledStep(this, counts, step, packs) : null;
        return IntStream.range(0, packs.size())
                .mapToObj(pack -> new Prepared(this, packs.get(pack), pack, batch(packs.get(pack)), counts, coupled));
    }

    /**
     * A pack of a step.
     *
     * @param pack its number in the step
     * @param coupled the whole step, where the loss of a pair depends on pairs of other packs
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Prepared(
            DpoObjective objective,
            int[] examples,
            int pack,
            PreferenceBatch batch,
            StepCounts counts,
            @Nullable CoupledStep coupled)
            implements MicroBatch {
        @Override
        public Unread start(boolean backward) {
            if (coupled != null) {
                return objective.start(batch, counts, coupled, pack, backward);
            }
            return objective.start(batch, counts, backward);
        }
    }

    private Unread start(PreferenceBatch batch, StepCounts counts, boolean backward) {
        Tensor reference = referenceSums(batch);
        PackedTokens tokens = batch.tokens();
        if (!backward) {
            if (loss.weighted()) {
                Tensor both = TokenLogps.withCollisions(policy, tokens);
                Tensor logps = both.select(0, 0);
                LogRatios ratios = logRatios(batch, logps, reference);
                return unread(batch, ratios, loss.shares(ratios, counts, weights(batch, logps, both.select(0, 1))));
            }
            LogRatios ratios = logRatios(batch, TokenLogps.of(policy, tokens), reference);
            return unread(batch, ratios, loss.shares(ratios, counts));
        }
        ScoredTokens scored = ScoredTokens.of(policy, tokens, loss.weighted());
        LogRatios ratios = logRatios(batch, scored.logps(), reference);
        Tensor weights = loss.weighted() ? weights(batch, scored.logps(), scored.logCollisions()) : null;
        Tensor shares = loss.shares(ratios, counts, weights);
        NonFiniteLossException.check(shares);
        shares.sum().backward();
        scored.backward();
        return unread(batch, ratios, shares);
    }

    /** As above for a pack among the others of its step. */
    private Unread start(PreferenceBatch batch, StepCounts counts, CoupledStep step, int pack, boolean backward) {
        step.score();
        if (!backward) {
            return unread(batch, step.of(pack), step.shares(pack));
        }
        LogRatios first = step.of(pack);
        Tensor reference = Tensors.cat(0, first.referenceChosen(), first.referenceRejected());
        ScoredTokens scored = ScoredTokens.of(policy, batch.tokens());
        LogRatios own = logRatios(batch, scored.logps(), reference);
        Tensor all = loss.shares(step.with(pack, own), counts);
        Tensor shares = step.own(pack, all);
        NonFiniteLossException.check(shares);
        all.sum().backward();
        scored.backward();
        return unread(batch, own, shares);
    }

    /** Under WPO a pair's weight has no gradient. */
    @Override
    public DpoObjective held(int example) {
        if (!loss.weighted()) {
            return this;
        }
        try (TensorScope _ = new TensorScope()) {
            PreferenceBatch batch = batch(new int[] {example});
            Tensor both = TokenLogps.withCollisions(policy, batch.tokens());
            double weight = Tensors.toDoubles(weights(batch, both.select(0, 0), both.select(0, 1)))[0];
            return new DpoObjective(policy, reference, loss.held(weight), beta, pairs);
        }
    }

    LogRatios logRatiosWithoutGradient(PreferenceBatch batch) {
        return logRatios(batch, TokenLogps.of(policy, batch.tokens()), referenceSums(batch));
    }

    Unread unread(PreferenceBatch batch, LogRatios ratios, Tensor shares) {
        return new Unread(PairMetrics.rows(shares, ratios), read -> {
            PairMetrics metrics = PairMetrics.of(read, beta);
            return new MicroBatchResult(
                    metrics.lossShares(), metrics.values(), batch.tokens().sequenceTokens());
        });
    }

    /** Sums the reference's token logps over each completion as log-ratios are made of them, float32 [2B]. */
    Tensor referenceSums(PreferenceBatch batch) {
        int[] counts = batch.tokens().scoredCounts();
        return TokenLogps.sums(desensitized(reference.tokenLogps(batch), counts), counts, policy.device());
    }

    /** Sums the policy's token logps [S] over each completion; the reference's are summed already, [2B]. */
    LogRatios logRatios(PreferenceBatch batch, Tensor policyTokens, Tensor referenceSums) {
        int[] counts = batch.tokens().scoredCounts();
        float[] lengths = new float[counts.length];
        for (int i = 0; i < counts.length; i++) {
            lengths[i] = counts[i];
        }
        Tensor whole = TokenLogps.sums(policyTokens, counts, policy.device());
        Tensor policySums = loss.ldAlpha().isEmpty()
                ? whole
                : TokenLogps.sums(desensitized(policyTokens, counts), counts, policy.device());
        return LogRatios.of(policySums, referenceSums, Tensors.ofFloats(lengths, policy.device()), whole);
    }

    /** Weighs token logps [S] as LD-DPO does, if the loss asks for it. */
    private Tensor desensitized(Tensor tokenLogps, int[] counts) {
        if (loss.ldAlpha().isEmpty()) {
            return tokenLogps;
        }
        float[] shares = verboseShares(counts, (float) loss.ldAlpha().getAsDouble());
        return tokenLogps.mul(Tensors.ofFloats(shares, policy.device()));
    }

    /** LD-DPO: 1 for a completion's tokens up to the length of the shorter one of its pair, {@code alpha} for those beyond, [S]. */
    private static float[] verboseShares(int[] counts, float alpha) {
        float[] shares = new float[Arrays.stream(counts).sum()];
        Arrays.fill(shares, 1);
        int pairs = counts.length / 2;
        int end = 0;
        for (int i = 0; i < counts.length; i++) {
            end += counts[i];
            int verbose = counts[i] - Math.min(counts[i], counts[(i + pairs) % counts.length]);
            Arrays.fill(shares, end - verbose, end, alpha);
        }
        return shares;
    }

    /**
     * WPO (Zhou et al. 2024, arXiv 2406.11827, Eq. 2, sampled alignment): w_c w_j of each pair, float32 [B] without gradient,
     * w = exp(mean over tokens of logp - ln sum_v p_v^2).
     */
    private Tensor weights(PreferenceBatch batch, Tensor logps, Tensor logCollisions) {
        int[] counts = batch.tokens().scoredCounts();
        try (NoGrad _ = new NoGrad()) {
            Tensor logWeights = TokenLogps.sums(logps.sub(logCollisions), counts, policy.device())
                    .div(Tensors.ofInts(counts, policy.device()));
            long pairs = batch.size();
            return logWeights
                    .narrow(0, 0, pairs)
                    .add(logWeights.narrow(0, pairs, pairs))
                    .exp();
        }
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
    public String describe(int example) {
        TokenizedPair pair = pairs.get(example);
        return pair.origin() + " (prompt " + pair.promptIds().length + ", chosen " + pair.chosenIds().length
                + ", rejected " + pair.rejectedIds().length + " tokens)";
    }
}
