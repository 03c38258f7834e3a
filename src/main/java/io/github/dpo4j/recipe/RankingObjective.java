package io.github.dpo4j.recipe;

import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.logprob.ReferenceLogps;
import io.github.dpo4j.logprob.ScoredTokens;
import io.github.dpo4j.logprob.TokenLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.objective.PlackettLuce;
import io.github.dpo4j.objective.RankingMetrics;
import io.github.dpo4j.text.TokenizedRanking;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Tensors;
import io.github.dpo4j.train.NonFiniteLossException;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/** DPO of rankings (Rafailov et al. 2023, appendix A.3): the mean over a step's rankings. */
public record RankingObjective(
        CausalLm policy, ReferenceLogps reference, PlackettLuce loss, List<TokenizedRanking> preferences)
        implements PreferenceObjective {

    @Override
    public Stream<MicroBatch> prepare(List<int[]> packs) {
        long rankings = packs.stream().mapToLong(pack -> pack.length).sum();
        return packs.stream().map(numbers -> new Prepared(this, numbers, batch(numbers), rankings));
    }

    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Prepared(RankingObjective objective, int[] examples, PreferenceBatch batch, long stepRankings)
            implements MicroBatch {
        @Override
        public Unread start(boolean backward) {
            return objective.start(batch, stepRankings, backward);
        }
    }

    private Unread start(PreferenceBatch batch, long stepRankings, boolean backward) {
        Tensor referenceSums = reference.sums(batch);
        if (!backward) {
            Tensor sums = TokenLogps.sums(policy, batch.tokens());
            return unread(batch, sums, referenceSums, shares(batch, sums, referenceSums, stepRankings));
        }
        ScoredTokens scored = ScoredTokens.of(policy, batch.tokens());
        Tensor sums = scored.sums();
        Tensor shares = shares(batch, sums, referenceSums, stepRankings);
        NonFiniteLossException.check(shares);
        shares.sum().backward();
        scored.backward();
        return unread(batch, sums, referenceSums, shares);
    }

    private Tensor shares(PreferenceBatch batch, Tensor sums, Tensor referenceSums, long stepRankings) {
        return loss.perRanking(sums.sub(referenceSums), batch.sequences()).mul(new Scalar(1.0 / stepRankings));
    }

    private Unread unread(PreferenceBatch batch, Tensor sums, Tensor referenceSums, Tensor shares) {
        return new Unread(Tensors.cat(0, shares.detach(), sums.detach(), referenceSums), read -> {
            int sequences = batch.tokens().scoredCounts().length;
            int from = batch.size();
            return new MicroBatchResult(
                    Arrays.copyOf(read, from),
                    RankingMetrics.of(
                            Arrays.copyOfRange(read, from, from + sequences),
                            Arrays.copyOfRange(read, from + sequences, from + 2 * sequences),
                            batch.sequences(),
                            loss.beta()),
                    batch.tokens().sequenceTokens());
        });
    }

    @Override
    public OptionalDouble atZero(int[] numbers) {
        return Arrays.stream(numbers)
                .mapToDouble(i -> loss.atZero(preferences.get(i).completions().size()))
                .average();
    }

    @Override
    public double sizeAtZero(int[] numbers) {
        return atZero(numbers).orElse(0);
    }

    @Override
    public RankingObjective computingIn(ComputeType type) {
        return new RankingObjective(policy.computingIn(type), reference, loss, preferences);
    }

    @Override
    public RankingObjective held(int example) {
        return this;
    }

    @Override
    public String describe(int example) {
        TokenizedRanking ranking = preferences.get(example);
        return ranking.origin() + " (prompt " + ranking.promptIds().length + ", completions "
                + ranking.completions().stream().map(ids -> "" + ids.length).collect(Collectors.joining(", "))
                + " tokens)";
    }
}
