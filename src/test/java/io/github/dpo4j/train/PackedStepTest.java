package io.github.dpo4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.batch.TokenBudget;
import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.logprob.ReferenceLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.objective.FDivergence;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PreferenceLoss;
import io.github.dpo4j.objective.ScoreLoss;
import io.github.dpo4j.objective.SortedLoss;
import io.github.dpo4j.recipe.DpoObjective;
import io.github.dpo4j.recipe.SftObjective;
import io.github.dpo4j.text.TokenizedCompletion;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How a step is cut into micro-batches changes nothing but rounding. */
class PackedStepTest {
    private static final int[] STEP = {5, 0, 3, 7, 1, 6, 2, 4};

    /** What one step on {@link #STEP} did. */
    @SuppressWarnings("ArrayRecordComponent") // compared element by element
    private record Outcome(
            int microBatches, Trainer.StepResult result, double[] metrics, double[] gradient, double[] weights) {}

    @ParameterizedTest
    @ValueSource(strings = {"llama", "llama3", "gpt2", "gpt_neox"})
    void aDpoStepIsTheSameUnderAnyBudget(String family) throws IOException {
        Golden golden = Golden.of(family);
        assertSameUnderAnyBudget(golden, (policy, reference) -> {
            // The second term is averaged over tokens, the first over pairs.
            LossMix mix = new LossMix(List.of(
                    new LossMix.Term(new PreferenceLoss.Sigmoid(0.1, 0), 1),
                    new LossMix.Term(new PreferenceLoss.Sft(), 0.5)));
            return new DpoObjective(policy, new ReferenceLogps.Live(reference), mix, 0.1, golden.pairs(20, 16));
        });
    }

    /** Five of the step's pairs are sorted together, and then the three that are left, however packs are cut. */
    @Test
    void aStepOfSortedPairsIsTheSameUnderAnyBudget() throws IOException {
        Golden golden = Golden.of("llama");
        assertSameUnderAnyBudget(golden, (policy, reference) -> {
            LossMix mix = new LossMix(List.of(
                    new LossMix.Term(new SortedLoss.Aot(0.1, 0.1, 5), 1),
                    new LossMix.Term(new SortedLoss.AotUnpaired(0.1, 0, 5), 2),
                    new LossMix.Term(new PreferenceLoss.Sft(), 0.5)));
            return new DpoObjective(policy, new ReferenceLogps.Live(reference), mix, 0.1, golden.pairs(20, 16));
        });
    }

    @Test
    void heldOutPairsAreSortedTheSameUnderAnyBudget() throws IOException {
        Golden golden = Golden.of("llama");
        try (TensorScope _ = new TensorScope()) {
            LossMix mix = new LossMix(List.of(new LossMix.Term(new SortedLoss.Aot(0.1, 0.1, 5), 1)));
            DpoObjective objective = new DpoObjective(
                    golden.policy(), new ReferenceLogps.Live(golden.reference()), mix, 0.1, golden.pairs(20, 16));
            double[] whole = objective.run(STEP, false).lossShares();
            List<int[]> packs = new TokenBudget(60).packs(STEP, objective::tokens);
            assertThat(packs.size()).isGreaterThan(1);
            for (Objective.MicroBatch pack : objective.prepare(STEP, packs).toList()) {
                double[] shares = pack.run(false).lossShares();
                for (int i = 0; i < shares.length; i++) {
                    int place = Arrays.stream(STEP).boxed().toList().indexOf(pack.examples()[i]);
                    assertThat(shares[i]).isCloseTo(whole[place], within(1e-6));
                }
            }
        }
    }

    @Test
    void aStepOfWeightedPairsWithDesensitizedLengthsIsTheSameUnderAnyBudget() throws IOException {
        Golden golden = Golden.of("gpt2");
        assertSameUnderAnyBudget(golden, (policy, reference) -> {
            LossMix mix = new LossMix(
                    List.of(
                            new LossMix.Term(new PreferenceLoss.Sigmoid(0.1, 0.1), 1),
                            new LossMix.Term(new ScoreLoss.SigmoidNorm(2), 1)),
                    new FDivergence.JensenShannon(),
                    OptionalDouble.of(0.3),
                    true);
            return new DpoObjective(policy, new ReferenceLogps.Live(reference), mix, 0.1, golden.pairs(20, 16));
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gpt2", "gpt_neox"})
    void anSftStepIsTheSameUnderAnyBudget(String family) throws IOException {
        Golden golden = Golden.of(family);
        List<TokenizedCompletion> completions = golden.pairs(20, 16).stream()
                .map(pair -> new TokenizedCompletion(pair.origin(), pair.promptIds(), pair.chosenIds()))
                .toList();
        assertSameUnderAnyBudget(golden, (policy, _) -> new SftObjective(policy, completions));
    }

    private static void assertSameUnderAnyBudget(Golden golden, BiFunction<CausalLm, CausalLm, Objective> objective) {
        Outcome whole = step(golden, objective, Integer.MAX_VALUE);
        assertThat(whole.microBatches).isEqualTo(1);
        assertThat(step(golden, objective, 1).microBatches).isEqualTo(STEP.length);
        for (int budget : new int[] {1, 60, 110, 200}) {
            Outcome cut = step(golden, objective, budget);
            assertThat(cut.microBatches).isBetween(2, STEP.length);
            assertThat(cut.result.loss()).isCloseTo(whole.result.loss(), within(1e-6));
            assertThat(cut.result.gradNorm())
                    .isCloseTo(whole.result.gradNorm(), within(1e-5 * whole.result.gradNorm()));
            assertThat(Golden.farthest(cut.metrics, whole.metrics)).isLessThan(1e-5);
            assertThat(Golden.farthest(cut.gradient, whole.gradient)).isLessThan(1e-6);
            assertThat(Golden.farthest(cut.weights, whole.weights)).isLessThan(1e-6);
        }
    }

    private static Outcome step(Golden golden, BiFunction<CausalLm, CausalLm, Objective> maker, int budget) {
        try (TensorScope _ = new TensorScope()) {
            CausalLm policy = golden.policy();
            Objective objective = maker.apply(policy, golden.reference());
            Parameters parameters = policy.parameters();
            // A large epsilon: the first step of Adam would otherwise follow the signs of gradients that are rounding
            // alone.
            OptimizerSettings adam = new OptimizerSettings.AdamW(0.9, 0.999, 1e-3, 0.01);
            Trainer trainer = new Trainer(
                    objective, parameters, new Optimizer(adam, parameters), 1e-3, new Schedule.Constant(), 1);
            MetricSums sums = new MetricSums(objective.metricNames());
            List<int[]> microBatches = new TokenBudget(budget).packs(STEP, objective::tokens);
            Trainer.StepResult result =
                    trainer.step(1, objective.prepare(STEP, microBatches).toList(), sums);
            assertThat(sums.examples()).isEqualTo(STEP.length);
            assertThat(sums.meanLoss()).isCloseTo(result.loss(), within(1e-12));
            double[] metrics = new double[sums.names().size()];
            for (int i = 0; i < metrics.length; i++) {
                metrics[i] = sums.mean(i);
            }
            return new Outcome(
                    microBatches.size(),
                    result,
                    metrics,
                    Tensors.toDoubles(parameters.flatGradient()),
                    Tensors.toDoubles(parameters.flat()));
        }
    }
}
