package io.github.dpo4j.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.UserError;
import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.golden.Variant;
import io.github.dpo4j.logprob.TokenLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GeneratorTest {
    private static final Sampling WARM = new Sampling(1, 0, 1);

    private static int[] prompt(Golden golden, int pair, int length) {
        return Arrays.copyOf(golden.pairs().get(pair).promptIds(), length);
    }

    /** The likeliest token after the whole sequence, computed anew each time. */
    private static int[] stepByStep(CausalLm model, int[] prompt, int tokens) {
        int[] sequence = prompt;
        for (int i = 0; i < tokens; i++) {
            try (TensorScope _ = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                Tensor hidden = model.hidden(Golden.sequence(sequence, new int[] {}));
                float[] logits = Tensors.toFloats(model.logits(hidden.narrow(0, hidden.size(0) - 1, 1)));
                int best = 0;
                for (int id = 1; id < logits.length; id++) {
                    best = logits[id] > logits[best] ? id : best;
                }
                sequence = Arrays.copyOf(sequence, sequence.length + 1);
                sequence[sequence.length - 1] = best;
            }
        }
        return Arrays.copyOfRange(sequence, prompt.length, sequence.length);
    }

    /** Prompts of 20, 5 and 1 tokens: were the columns before a shorter prompt not hidden, it would read them. */
    @ParameterizedTest
    @ValueSource(strings = {"llama", "llama3", "gpt2", "gpt_neox"})
    void greedyDecodingWithTheCacheEqualsStepByStepArgmaxForPromptsOfAnyLength(String family) throws IOException {
        Golden golden = Golden.of(family);
        List<int[]> prompts = List.of(prompt(golden, 0, 16), prompt(golden, 1, 5), prompt(golden, 2, 1));
        try (TensorScope _ = new TensorScope()) {
            CausalLm model = golden.reference();
            List<Generator.Completion> completions =
                    new Generator(model, Set.of(), Sampling.GREEDY, 10).generate(prompts, new long[3]);
            for (int i = 0; i < 3; i++) {
                assertThat(completions.get(i).ids()).isEqualTo(stepByStep(model, prompts.get(i), 10));
                assertThat(completions.get(i).finishReason()).isEqualTo(Generator.FinishReason.LENGTH);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "llama3", "gpt2", "gpt_neox"})
    void theLogpsOfACompletionAreTokenLogpsOfItsIds(String family) throws IOException {
        Golden golden = Golden.of(family);
        List<int[]> prompts = List.of(prompt(golden, 0, 16), prompt(golden, 1, 3));
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            CausalLm model = golden.reference();
            List<Generator.Completion> completions =
                    new Generator(model, Set.of(), new Sampling(1.3, 50, 0.9), 8).generate(prompts, new long[] {1, 2});
            for (int i = 0; i < 2; i++) {
                double[] expected = Tensors.toDoubles(TokenLogps.of(
                        model,
                        Golden.sequence(prompts.get(i), completions.get(i).ids())));
                for (int t = 0; t < expected.length; t++) {
                    assertThat((double) completions.get(i).logps()[t]).isCloseTo(expected[t], within(2e-5));
                }
                assertThat(completions.get(i).sum())
                        .isCloseTo(Arrays.stream(expected).sum(), within(2e-4));
            }
        }
    }

    @Test
    void aSeedFixesACompletionWhateverItsBatchMates() throws IOException {
        Golden golden = Golden.of("llama");
        try (TensorScope _ = new TensorScope()) {
            Generator generator = new Generator(golden.reference(), Set.of(), WARM, 12);
            int[] first = prompt(golden, 0, 9);
            int[] alone = generator
                    .generate(List.of(first), new long[] {5})
                    .getFirst()
                    .ids();
            List<Generator.Completion> together =
                    generator.generate(List.of(prompt(golden, 1, 15), first, first), new long[] {4, 5, 6});
            assertThat(together.get(1).ids()).isEqualTo(alone);
            assertThat(together.get(2).ids()).as("another seed").isNotEqualTo(alone);
        }
    }

    @Test
    void topOneOfAnyTemperatureIsGreedy() throws IOException {
        Golden golden = Golden.of("gpt_neox");
        List<int[]> prompts = List.of(prompt(golden, 0, 9));
        try (TensorScope _ = new TensorScope()) {
            CausalLm model = golden.reference();
            int[] greedy = new Generator(model, Set.of(), Sampling.GREEDY, 8)
                    .generate(prompts, new long[1])
                    .getFirst()
                    .ids();
            int[] topOne = new Generator(model, Set.of(), new Sampling(2, 1, 1), 8)
                    .generate(prompts, new long[] {3})
                    .getFirst()
                    .ids();
            assertThat(topOne).isEqualTo(greedy);
        }
    }

    @Test
    void anEndTokenEndsItsOwnCompletionAndBelongsToIt() throws IOException {
        Golden golden = Golden.of("llama");
        List<int[]> prompts = List.of(prompt(golden, 0, 9), prompt(golden, 1, 9));
        try (TensorScope _ = new TensorScope()) {
            CausalLm model = golden.reference();
            int[] free = stepByStep(model, prompts.getFirst(), 8);
            int end = free[3];
            int first = Arrays.stream(free).boxed().toList().indexOf(end);
            Generator.Completion ended = new Generator(model, Set.of(end), Sampling.GREEDY, 8)
                    .generate(prompts, new long[2])
                    .getFirst();
            assertThat(ended.ids()).isEqualTo(Arrays.copyOf(free, first + 1)).endsWith(end);
            assertThat(ended.logps()).hasSize(first + 1);
            assertThat(ended.finishReason()).isEqualTo(Generator.FinishReason.STOP);
        }
    }

    @Test
    void learnedPositionsEndEachCompletionWhereTheyEndWhateverItsBatchMates(@TempDir Path folder) throws IOException {
        Golden golden = Golden.of("gpt2");
        Path twelve = Variant.write("gpt2", folder.resolve("short"), c -> c.put("n_positions", 12), weights -> {
            Variant.Stored all = Objects.requireNonNull(weights.get("transformer.wpe.weight"));
            weights.put(
                    "transformer.wpe.weight",
                    new Variant.Stored(List.of(12L, 64L), Arrays.copyOf(all.values(), 12 * 64)));
        });
        int[] shorter = prompt(golden, 0, 4);
        int[] longer = prompt(golden, 1, 10);
        try (TensorScope _ = new TensorScope()) {
            CausalLm model = ModelFolder.open(twelve).loadFrozen(Device.CPU, ComputeType.FLOAT32);
            Generator generator = new Generator(model, Set.of(), Sampling.GREEDY, 50);
            int[] alone =
                    generator.generate(List.of(shorter), new long[1]).getFirst().ids();
            // 12 positions hold 4 + 8 and 10 + 2 tokens.
            assertThat(alone).isEqualTo(stepByStep(model, shorter, 8));
            List<Generator.Completion> together = generator.generate(List.of(longer, shorter), new long[2]);
            assertThat(together.get(0).ids()).isEqualTo(stepByStep(model, longer, 2));
            assertThat(together.get(1).ids()).isEqualTo(alone);
            assertThat(together.get(0).finishReason()).isEqualTo(Generator.FinishReason.LENGTH);
            assertThatThrownBy(() -> generator.generate(List.of(prompt(golden, 1, 12)), new long[1]))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("12 tokens leaves no room")
                    .hasMessageContaining("12 positions");
        }
    }

    @Test
    void refusesEmptyPromptsAndSettingsOutOfRange() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            CausalLm model = Golden.of("llama").reference();
            Generator generator = new Generator(model, Set.of(), WARM, 1);
            assertThatThrownBy(() -> generator.generate(List.of(new int[] {}), new long[1]))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("empty prompt");
            assertThatThrownBy(() -> new Generator(model, Set.of(), WARM, 0))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("max_new_tokens is 0");
        }
        assertThatThrownBy(() -> new Sampling(Double.NaN, 0, 1)).isInstanceOf(UserError.class);
        assertThatThrownBy(() -> new Sampling(1, -1, 1)).isInstanceOf(UserError.class);
        assertThatThrownBy(() -> new Sampling(1, 0, Double.NaN)).isInstanceOf(UserError.class);
        assertThatThrownBy(() -> new Sampling(1, 0, 0)).isInstanceOf(UserError.class);
    }
}
