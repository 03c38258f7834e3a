package io.github.dpo4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.logprob.ReferenceLogps;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PreferenceLoss;
import io.github.dpo4j.recipe.DpoObjective;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TrainerTest {
    private static final OptimizerSettings ADAMW = new OptimizerSettings.AdamW(0.9, 0.999, 1e-8, 0.01);

    /** An objective that spoils something after each micro-batch's backward: what a bug would look like. */
    private record Spoiled(Objective whole, Consumer<MicroBatchResult> spoiler) implements Objective {
        @SuppressWarnings("ArrayRecordComponent") // never compared
        private record SpoiledBatch(MicroBatch whole, int[] examples, Consumer<MicroBatchResult> spoiler)
                implements MicroBatch {
            @Override
            public Unread start(boolean backward) {
                Unread unread = whole.start(backward);
                MicroBatchResult result = unread.meaning().apply(Tensors.toDoubles(unread.values()));
                if (backward) {
                    try (NoGrad _ = new NoGrad()) {
                        spoiler.accept(result);
                    }
                }
                return new Unread(unread.values(), _ -> result);
            }
        }

        @Override
        public int examples() {
            return whole.examples();
        }

        @Override
        public List<String> metricNames() {
            return whole.metricNames();
        }

        @Override
        public Stream<MicroBatch> prepare(List<int[]> step) {
            return whole.prepare(step).map(batch -> new SpoiledBatch(batch, batch.examples(), spoiler));
        }

        @Override
        public long tokens(int example) {
            return whole.tokens(example);
        }

        @Override
        public String describe(int example) {
            return whole.describe(example);
        }
    }

    private static DpoObjective objective(Golden golden) {
        LossMix mix = new LossMix(List.of(
                new LossMix.Term(new PreferenceLoss.Sigmoid(0.1, 0), 1),
                new LossMix.Term(new PreferenceLoss.Sft(), 0.5)));
        return new DpoObjective(
                golden.policy(), new ReferenceLogps.Live(golden.reference()), mix, 0.1, golden.pairs(20, 16));
    }

    private static List<Objective.MicroBatch> prepared(Objective objective, int[]... packs) {
        return objective.prepare(List.of(packs)).toList();
    }

    private static Trainer trainer(Objective objective, Parameters parameters) {
        return new Trainer(objective, parameters, new Optimizer(ADAMW, parameters), 1e-3, new Schedule.Constant(), 1);
    }

    @Test
    void aNaNLossStopsBeforeTheUpdateAndNamesStepRowAndLengths() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            DpoObjective objective = objective(Golden.of("llama"));
            Parameters parameters = objective.policy().parameters();
            float[] before = Tensors.toFloats(parameters.flat());
            Spoiled spoiled = new Spoiled(objective, result -> result.lossShares()[1] = Double.NaN);
            assertThatThrownBy(() -> trainer(spoiled, parameters)
                            .step(7, prepared(spoiled, new int[] {2, 3}), new MetricSums(objective.metricNames())))
                    .isInstanceOf(NonFiniteException.class)
                    .hasMessageContaining("step 7: the loss is not finite on ")
                    .hasMessageContaining("preferences.jsonl:4 (prompt 11, chosen 16, rejected 16 tokens)")
                    .hasMessageNotContaining("preferences.jsonl:3")
                    .hasMessageContaining("No update was made");
            assertThat(Tensors.toFloats(parameters.flat())).isEqualTo(before);
        }
    }

    @Test
    void aNaNGradientStopsBeforeTheUpdateAndNamesTheStepsRows() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            DpoObjective objective = objective(Golden.of("llama"));
            Parameters parameters = objective.policy().parameters();
            float[] before = Tensors.toFloats(parameters.flat());
            Spoiled spoiled = new Spoiled(
                    objective, _ -> parameters.flatGradient().narrow(0, 9, 1).fill_(new Scalar(Double.NaN)));
            assertThatThrownBy(() -> trainer(spoiled, parameters)
                            .step(
                                    5,
                                    prepared(spoiled, new int[] {2}, new int[] {3}),
                                    new MetricSums(objective.metricNames())))
                    .isInstanceOf(NonFiniteException.class)
                    .hasMessageContaining("step 5: the gradient is not finite")
                    .hasMessageContaining("preferences.jsonl:3")
                    .hasMessageContaining("preferences.jsonl:4");
            assertThat(Tensors.toFloats(parameters.flat())).isEqualTo(before);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "llama3", "gpt2", "gpt_neox"})
    void theGradientCheckPassesAndLeavesTheWeightsBitForBit(String family) throws IOException {
        try (TensorScope _ = new TensorScope()) {
            DpoObjective objective = objective(Golden.of(family));
            Parameters parameters = objective.policy().parameters();
            float[] before = Tensors.toFloats(parameters.flat());
            for (long seed : new long[] {0, 1, 42}) {
                GradientCheck.Result result = GradientCheck.run(objective, parameters, 0, seed);
                assertThat(result.agrees()).as(result.toString()).isTrue();
                assertThat(result.gradNorm()).isPositive();
            }
            assertThat(Tensors.toFloats(parameters.flat())).isEqualTo(before);
            assertThat(GradientNorm.of(parameters.flatGradient())).isZero();
        }
    }

    @Test
    void theGradientCheckFindsAGradientThatIsAFifthTooLarge() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            DpoObjective objective = objective(Golden.of("llama"));
            Parameters parameters = objective.policy().parameters();
            float[] before = Tensors.toFloats(parameters.flat());
            Spoiled spoiled =
                    new Spoiled(objective, _ -> parameters.flatGradient().mul_(new Scalar(1.2)));
            GradientCheck.Result result = GradientCheck.run(spoiled, parameters, 0, 0);
            assertThat(result.agrees()).as(result.toString()).isFalse();
            assertThat(Tensors.toFloats(parameters.flat())).isEqualTo(before);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.embed_tokens.weight", "model.norm.weight"})
    void theGradientCheckFindsATensorWithoutGradient(String name) throws IOException {
        try (TensorScope _ = new TensorScope()) {
            DpoObjective objective = objective(Golden.of("llama"));
            Parameters parameters = objective.policy().parameters();
            Spoiled spoiled = new Spoiled(
                    objective,
                    _ -> parameters.part(parameters.flatGradient(), name).zero_());
            // A direction in which each of the two is more than a twentieth of the slope, as in most.
            GradientCheck.Result result = GradientCheck.run(spoiled, parameters, 0, 3);
            assertThat(result.agrees()).as(result.toString()).isFalse();
        }
    }
}
