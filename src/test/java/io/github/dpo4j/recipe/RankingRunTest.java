package io.github.dpo4j.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.batch.TokenBudget;
import io.github.dpo4j.data.Origin;
import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.logprob.ReferenceLogps;
import io.github.dpo4j.logprob.TokenLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PairMetrics;
import io.github.dpo4j.objective.PlackettLuce;
import io.github.dpo4j.objective.PreferenceLoss;
import io.github.dpo4j.report.RunStatus;
import io.github.dpo4j.text.TokenizedRanking;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import io.github.dpo4j.train.MetricSums;
import io.github.dpo4j.train.Objective;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rankings of two and more completions, from rows to trained weights. */
class RankingRunTest {
    private static final int[] STEP = {3, 0, 4, 1, 2};

    private final Path folder;

    RankingRunTest(@TempDir Path folder) {
        this.folder = folder;
    }

    /** Rankings of two to four completions, which differ in length. */
    private static List<TokenizedRanking> rankings(Golden golden) {
        List<TokenizedRanking> rankings = new ArrayList<>();
        var pairs = golden.pairs(12, 10);
        for (int i = 0; i < 5; i++) {
            List<int[]> completions = new ArrayList<>();
            for (int k = 0; k < 2 + i % 3; k++) {
                completions.add(
                        k % 2 == 0
                                ? pairs.get(i + k).chosenIds()
                                : pairs.get(i + k).rejectedIds());
            }
            rankings.add(new TokenizedRanking(
                    new Origin(Path.of("made.jsonl"), i), pairs.get(i).promptIds(), completions));
        }
        return rankings;
    }

    @SuppressWarnings("ArrayRecordComponent") // compared element by element
    private record Outcome(int packs, double loss, double[] metrics, double[] gradient) {}

    private static Outcome step(Objective objective, CausalLm policy, int[] step, int budget) {
        policy.parameters().zeroGradient();
        List<int[]> packs = new TokenBudget(budget).packs(step, objective::tokens);
        double loss = 0;
        double[] metrics = new double[PairMetrics.NAMES.size()];
        for (Objective.MicroBatch pack : objective.prepare(step, packs).toList()) {
            Objective.MicroBatchResult result = pack.run(true);
            loss += Arrays.stream(result.lossShares()).sum();
            for (int i = 0; i < metrics.length; i++) {
                metrics[i] += Arrays.stream(result.metrics()[i]).sum();
            }
        }
        return new Outcome(
                packs.size(),
                loss,
                metrics,
                Tensors.toDoubles(policy.parameters().flatGradient()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gpt2", "gpt_neox"})
    void aRankingOfTwoIsAPairUnderDpo(String family) throws IOException {
        Golden golden = Golden.of(family);
        try (TensorScope _ = new TensorScope()) {
            CausalLm policy = golden.policy();
            ReferenceLogps reference = new ReferenceLogps.Live(golden.reference());
            LossMix dpo = new LossMix(List.of(new LossMix.Term(new PreferenceLoss.Sigmoid(0.3, 0), 1)));
            List<TokenizedRanking> two = golden.pairs(20, 16).stream()
                    .map(pair -> new TokenizedRanking(pair.origin(), pair.promptIds(), pair.completions()))
                    .toList();
            int[] all = IntStream.range(0, two.size()).toArray();
            Outcome pairs = step(new DpoObjective(policy, reference, dpo, 0.3, golden.pairs(20, 16)), policy, all, 300);
            Outcome rankings =
                    step(new RankingObjective(policy, reference, new PlackettLuce(0.3), two), policy, all, 300);
            assertThat(rankings.loss).isCloseTo(pairs.loss, within(1e-7));
            assertThat(rankings.metrics).containsExactly(pairs.metrics, within(1e-12));
            assertThat(Golden.farthest(rankings.gradient, pairs.gradient)).isLessThan(1e-6);
        }
    }

    @Test
    void aStepIsTheSameUnderAnyBudgetThoughRankingsDifferInSize() throws IOException {
        Golden golden = Golden.of("llama");
        try (TensorScope _ = new TensorScope()) {
            CausalLm policy = golden.policy();
            RankingObjective objective = new RankingObjective(
                    policy, new ReferenceLogps.Live(golden.reference()), new PlackettLuce(0.3), rankings(golden));
            Outcome whole = step(objective, policy, STEP, Integer.MAX_VALUE);
            assertThat(whole.packs).isEqualTo(1);
            for (int budget : new int[] {1, 70, 120}) {
                Outcome cut = step(objective, policy, STEP, budget);
                assertThat(cut.packs).isGreaterThan(1);
                assertThat(cut.loss).isCloseTo(whole.loss, within(1e-6));
                assertThat(Golden.farthest(cut.metrics, whole.metrics)).isLessThan(1e-4);
                assertThat(Golden.farthest(cut.gradient, whole.gradient)).isLessThan(1e-6);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gpt2", "gpt_neox"})
    void allCompletionsShareOneComputationOfThePrompt(String family) throws IOException {
        Golden golden = Golden.of(family);
        List<TokenizedRanking> rankings = rankings(golden);
        try (TensorScope _ = new TensorScope()) {
            CausalLm reference = golden.reference();
            PreferenceBatch shared = PreferenceBatch.of(rankings);
            PreferenceBatch apart = PreferenceBatch.withoutSharing(rankings);
            assertThat(shared.tokens().size()).isEqualTo((int)
                    rankings.stream().mapToLong(TokenizedRanking::tokens).sum());
            assertThat(shared.tokens().sequenceTokens())
                    .isEqualTo(apart.tokens().size());
            double[] logps = Tensors.toDoubles(TokenLogps.sums(reference, shared.tokens()));
            assertThat(logps)
                    .containsExactly(Tensors.toDoubles(TokenLogps.sums(reference, apart.tokens())), within(1e-4));
            // The sequences of each ranking are those of the ranking alone.
            for (int i = 0; i < rankings.size(); i++) {
                double[] alone = Tensors.toDoubles(TokenLogps.sums(
                        reference, PreferenceBatch.of(List.of(rankings.get(i))).tokens()));
                for (int rank = 0; rank < alone.length; rank++) {
                    assertThat(logps[shared.sequences()[i][rank]]).isCloseTo(alone[rank], within(1e-4));
                }
            }
        }
    }

    private TinyRun run(String name, ReferenceStorage storage) throws IOException {
        List<String> rows = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            rows.add(
                    i % 4 == 0
                            ? "{\"prompt\":\"The dog " + i + "\",\"chosen\":\" was happy\",\"rejected\":\" was sad\"}"
                            : "{\"prompt\":\"The cat " + i
                                    + "\",\"completions\":[\" slept\",\" was sad\",\" was happy and played\""
                                    + (i % 3 == 0 ? ",\" ate\"],\"ranks\":[4,3,1,2]}" : "]}"));
        }
        TinyRun run = new TinyRun(Files.write(folder.resolve("rankings.jsonl"), rows), folder.resolve(name));
        run.loss = new PlackettLuce(0.1);
        run.referenceStorage = storage;
        run.saveSteps = 8;
        run.loggingSteps = 1;
        return run;
    }

    @Test
    void aRunLearnsRankingsWithALiveOrAStoredReferenceAndResumes() throws IOException {
        assertThat(run("live", new ReferenceStorage.Live()).dpo()).isEqualTo(RunStatus.FINISHED);
        ReferenceStorage stored = new ReferenceStorage.Stored(folder.resolve("stores"));
        assertThat(run("stored", stored).dpo()).isEqualTo(RunStatus.FINISHED);
        run("cut", stored).dpo(TinyRun.stopAfter(3));
        TinyRun resumed = run("cut", stored);
        resumed.start = RunFolder.Start.RESUME;
        assertThat(resumed.dpo()).isEqualTo(RunStatus.FINISHED);
        assertThat(TinyRun.bits(folder.resolve("cut"), 8)).isEqualTo(TinyRun.bits(folder.resolve("stored"), 8));

        List<JsonNode> live = lines("live");
        List<JsonNode> same = lines("stored");
        assertThat(live).hasSameSizeAs(same).hasSizeGreaterThan(8);
        for (int i = 0; i < live.size(); i++) {
            assertThat(live.get(i).path("loss").asDouble())
                    .isCloseTo(same.get(i).path("loss").asDouble(), within(1e-3));
        }
        assertThat(live.getLast().path("loss").asDouble())
                .isLessThan(live.getFirst().path("loss").asDouble());
        assertThat(live.getLast().path("rewards/accuracies").asDouble()).isGreaterThan(0.5);
    }

    private List<JsonNode> lines(String run) throws IOException {
        return TinyRun.metrics(folder.resolve(run));
    }

    @Test
    void metricsSumsTakeTheNamesOfPairs() throws IOException {
        Golden golden = Golden.of("llama");
        try (TensorScope _ = new TensorScope()) {
            RankingObjective objective = new RankingObjective(
                    golden.policy(),
                    new ReferenceLogps.Live(golden.reference()),
                    new PlackettLuce(0.3),
                    rankings(golden));
            assertThat(new MetricSums(objective.metricNames()).names()).isEqualTo(PairMetrics.NAMES);
            assertThat(objective.describe(1)).contains("completions ").endsWith(" tokens)");
        }
    }
}
