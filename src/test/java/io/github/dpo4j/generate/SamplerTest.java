package io.github.dpo4j.generate;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.text.ModelText;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SamplerTest {
    private static final Path MODEL = Path.of("src/test/resources/golden/llama/policy");

    @Test
    void neighbouringSeedsShareNoCompletion() {
        List<String> first = texts(42, 8);
        assertThat(texts(42, 8)).isEqualTo(first);
        assertThat(texts(43, 8)).doesNotContainAnyElementsOf(first);
    }

    @Test
    void batchesDoNotChangeTheSamples() {
        assertThat(texts(42, 3)).isEqualTo(texts(42, 8));
    }

    @Test
    void aCompletionKeepsTheSpaceItBeginsWith() {
        Path stories = Path.of("models/stories15M");
        try (TensorScope _ = new TensorScope();
                ModelText text = ModelText.of(stories)) {
            Sampler sampler = new Sampler(
                    ModelFolder.open(stories).loadFrozen(Device.CPU, ComputeType.FLOAT32),
                    text.tokenizer(),
                    Set.of(),
                    Sampling.GREEDY,
                    4,
                    1,
                    1,
                    0);
            int[] prompt = text.tokenizer().encode("Once upon a");
            assertThat(sampler.sample(List.of(prompt), _ -> {}).getFirst().text())
                    .startsWith(" time");
        }
    }

    private static List<String> texts(long seed, int batchSize) {
        try (TensorScope _ = new TensorScope();
                ModelText text = ModelText.of(MODEL)) {
            Sampler sampler = new Sampler(
                    ModelFolder.open(MODEL).loadFrozen(Device.CPU, ComputeType.FLOAT32),
                    text.tokenizer(),
                    Set.of(),
                    new Sampling(1, 0, 1),
                    12,
                    4,
                    batchSize,
                    seed);
            List<int[]> prompts =
                    List.of(text.tokenizer().encode("Once"), text.tokenizer().encode("One day"));
            return sampler.sample(prompts, _ -> {}).stream()
                    .map(Sampler.Sample::text)
                    .toList();
        }
    }
}
