package io.github.dpo4j.golden;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.batch.BatchPlan;
import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.batch.TokenBudget;
import io.github.dpo4j.data.DatasetReader;
import io.github.dpo4j.generate.Generator;
import io.github.dpo4j.generate.Sampling;
import io.github.dpo4j.logprob.ReferenceLogps;
import io.github.dpo4j.logprob.TokenLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PairMetrics;
import io.github.dpo4j.objective.PreferenceLoss;
import io.github.dpo4j.recipe.DpoObjective;
import io.github.dpo4j.text.ModelText;
import io.github.dpo4j.text.PairTokenizer;
import io.github.dpo4j.text.TokenizedPair;
import io.github.dpo4j.text.Truncation;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import io.github.dpo4j.train.GradientNorm;
import io.github.dpo4j.train.MetricSums;
import io.github.dpo4j.train.Optimizer;
import io.github.dpo4j.train.OptimizerSettings;
import io.github.dpo4j.train.Schedule;
import io.github.dpo4j.train.Trainer;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every expected number is in the family's golden.json: transformers 5.17 and TRL 1.13, float32, on a CPU. */
class GoldenModelTest {
    /** Six steps in float32: here all agree to 5e-4; the rest is room for another CPU's kernels. */
    private static final double TOLERANCE = 1e-3;

    @ParameterizedTest
    @MethodSource("io.github.dpo4j.golden.Golden#families")
    void pairsAreTokenizedAsTrlDoes(String family) throws IOException {
        Golden golden = Golden.of(family);
        assertTokenized(golden, "preferences.jsonl", "tokenized");
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "mistral", "qwen2", "qwen3", "gemma3", "phi3"})
    void conversationsAreRenderedByTheFoldersTemplateAndTokenizedAsTrlDoes(String family) throws IOException {
        assertTokenized(Golden.of(family), "conversations.jsonl", "tokenized_conversations");
    }

    private static void assertTokenized(Golden golden, String rows, String key) {
        try (ModelText text = ModelText.of(golden.policyFolder())) {
            List<TokenizedPair> pairs = new PairTokenizer(text.tokenizer(), text.renderer(), Truncation.NONE)
                    .tokenize(DatasetReader.failing()
                            .preferences(List.of(golden.folder().resolve(rows).toString()))
                            .examples())
                    .pairs();
            JsonNode expected = golden.values().path(key);
            assertThat(pairs).hasSameSizeAs(expected).isNotEmpty();
            for (int i = 0; i < pairs.size(); i++) {
                assertThat(pairs.get(i).promptIds())
                        .isEqualTo(Golden.ids(expected.path(i).path("prompt_ids")));
                assertThat(pairs.get(i).chosenIds())
                        .isEqualTo(Golden.ids(expected.path(i).path("chosen_ids")));
                assertThat(pairs.get(i).rejectedIds())
                        .isEqualTo(Golden.ids(expected.path(i).path("rejected_ids")));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.dpo4j.golden.Golden#families")
    void logpsOfPolicyAndReferenceAreTransformers(String family) throws IOException {
        Golden golden = Golden.of(family);
        PreferenceBatch batch = PreferenceBatch.of(golden.pairs().subList(0, 8));
        JsonNode expected = golden.values().path("logps_first_8");
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            double[] policy = Tensors.toDoubles(TokenLogps.sums(golden.policy(), batch.tokens()));
            double[] reference = Tensors.toDoubles(new ReferenceLogps.Live(golden.reference()).sums(batch));
            assertRelative(Arrays.copyOf(policy, 8), expected.path("policy_chosen"), 2e-5);
            assertRelative(Arrays.copyOfRange(policy, 8, 16), expected.path("policy_rejected"), 2e-5);
            assertRelative(Arrays.copyOf(reference, 8), expected.path("reference_chosen"), 2e-5);
            assertRelative(Arrays.copyOfRange(reference, 8, 16), expected.path("reference_rejected"), 2e-5);
        }
    }

    private static void assertRelative(double[] actual, JsonNode expected, double tolerance) {
        double[] numbers = Golden.numbers(expected);
        assertThat(actual).hasSameSizeAs(numbers).isNotEmpty();
        for (int i = 0; i < numbers.length; i++) {
            assertThat(actual[i]).isCloseTo(numbers[i], within(tolerance * Math.abs(numbers[i])));
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.dpo4j.golden.Golden#families")
    void logitsAfterTheFirstChosenSequenceAreTransformers(String family) throws IOException {
        Golden golden = Golden.of(family);
        TokenizedPair pair = golden.pairs().getFirst();
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            CausalLm policy = golden.policy();
            Tensor hidden = policy.hidden(Golden.sequence(pair.promptIds(), pair.chosenIds()));
            double[] logits = Tensors.toDoubles(policy.logits(hidden.narrow(0, hidden.size(0) - 1, 1)));
            double[] expected = Golden.numbers(golden.values().path("logits_chosen_0_last_position_first_32"));
            assertThat(Arrays.copyOf(logits, 32)).containsExactly(expected, within(1e-5));
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.dpo4j.golden.Golden#families")
    void greedyDecodingContinuesAsTransformersDoes(String family) throws IOException {
        Golden golden = Golden.of(family);
        try (TensorScope _ = new TensorScope()) {
            Generator generator = new Generator(golden.policy(), Set.of(), Sampling.GREEDY, 24);
            int[] ids = generator
                    .generate(List.of(golden.pairs().getFirst().promptIds()), new long[] {0})
                    .getFirst()
                    .ids();
            assertThat(ids).isEqualTo(Golden.ids(golden.values().path("greedy_24_after_prompt_0")));
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.dpo4j.golden.Golden#families")
    void lossesAndGradientNormsAreTrls(String family) throws IOException {
        Golden golden = Golden.of(family);
        int[] first8 = IntStream.range(0, GoldenLosses.PAIRS).toArray();
        JsonNode rows = golden.values().path("losses_first_8");
        assertThat(rows).hasSize(22);
        for (JsonNode row : rows) {
            try (TensorScope _ = new TensorScope()) {
                DpoObjective objective = objective(
                        golden, GoldenLosses.mix(row), row.path("beta").asDouble());
                List<int[]> packs = new TokenBudget(TokenBudget.LEAST).packs(first8, objective::tokens);
                assertThat(packs).hasSizeGreaterThan(1);
                double loss = objective
                        .prepare(first8, packs)
                        .flatMapToDouble(pack -> Arrays.stream(pack.run(true).lossShares()))
                        .sum();
                double gradNorm =
                        GradientNorm.of(objective.policy().parameters().flatGradient());
                double expected = row.path("loss").asDouble();
                double expectedNorm = row.path("grad_norm").asDouble();
                assertThat(loss).as(row.toString()).isCloseTo(expected, within(2e-5 * expected));
                assertThat(gradNorm).as(row.toString()).isCloseTo(expectedNorm, within(5e-4 * expectedNorm));
            }
        }
    }

    private static DpoObjective objective(Golden golden, LossMix mix, double beta) {
        return new DpoObjective(
                golden.policy(), new ReferenceLogps.Live(golden.reference()), mix, beta, golden.pairs());
    }

    @ParameterizedTest
    @MethodSource("io.github.dpo4j.golden.Golden#families")
    void sixStepsOfAdamWAreTrls(String family) throws IOException {
        assertTrajectory(Golden.of(family), "train_adamw_6_steps", new OptimizerSettings.AdamW(0.9, 0.999, 1e-8, 0.01));
    }

    @ParameterizedTest
    @MethodSource("io.github.dpo4j.golden.Golden#families")
    void sixStepsOfRmsPropAreTrls(String family) throws IOException {
        assertTrajectory(Golden.of(family), "train_rmsprop_6_steps", new OptimizerSettings.RmsProp(0.99, 1e-8, 0.01));
    }

    private static void assertTrajectory(Golden golden, String key, OptimizerSettings optimizer) {
        JsonNode expected = golden.values().path(key);
        JsonNode settings = expected.path("settings");
        BatchPlan plan = new BatchPlan(
                16,
                settings.path("per_device_train_batch_size").asLong()
                        * settings.path("gradient_accumulation_steps").asLong(),
                false,
                0);
        try (TensorScope _ = new TensorScope()) {
            LossMix mix = new LossMix(List.of(new LossMix.Term(new PreferenceLoss.Sigmoid(0.1, 0), 1)));
            DpoObjective objective = objective(golden, mix, 0.1);
            Trainer trainer = new Trainer(
                    objective,
                    objective.policy().parameters(),
                    new Optimizer(optimizer, objective.policy().parameters()),
                    settings.path("learning_rate").asDouble(),
                    new Schedule.Linear(settings.path("warmup_steps").asLong(), 6),
                    settings.path("max_grad_norm").asDouble());
            assertThat(expected.path("log")).hasSize(6);
            for (int step = 1; step <= 6; step++) {
                MetricSums sums = new MetricSums(PairMetrics.NAMES);
                List<int[]> packs = new TokenBudget(512).packs(plan.step(step - 1), objective::tokens);
                Trainer.StepResult result =
                        trainer.step(step, objective.prepare(packs).toList(), sums);
                JsonNode line = expected.path("log").path(step - 1);
                assertMetric("loss", result.loss(), line, step);
                assertMetric("grad_norm", result.gradNorm(), line, step);
                assertMetric("learning_rate", result.learningRate(), line, step);
                for (int i = 0; i < PairMetrics.NAMES.size(); i++) {
                    assertMetric(PairMetrics.NAMES.get(i), sums.mean(i), line, step);
                }
            }
            assertFinalWeights(objective.policy(), expected.path("final_weights"));
        }
    }

    /** Float32 in another order of summation, grown over six steps of Adam, whose first steps follow signs. */
    private static void assertMetric(String name, double actual, JsonNode line, int step) {
        assertThat(line.has(name)).as(name).isTrue();
        double expected = line.path(name).asDouble();
        assertThat(actual)
                .as(name + " of step " + step)
                .isCloseTo(expected, within(TOLERANCE * Math.max(Math.abs(expected), 0.05)));
    }

    private static void assertFinalWeights(CausalLm policy, JsonNode expected) {
        assertThat(expected.size()).isGreaterThan(5);
        expected.properties().forEach(entry -> {
            double[] weights = Tensors.toDoubles(policy.parameters().byName().get(entry.getKey()));
            double l2 = Math.sqrt(Arrays.stream(weights).map(w -> w * w).sum());
            double expectedL2 = entry.getValue().path("l2").asDouble();
            assertThat(l2).as(entry.getKey()).isCloseTo(expectedL2, within(1e-4 * expectedL2));
            assertThat(Arrays.stream(weights).sum())
                    .as(entry.getKey())
                    .isCloseTo(entry.getValue().path("sum").asDouble(), within(0.01));
        });
    }
}
