package io.github.dpo4j.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.UserError;
import io.github.dpo4j.data.OnBadRow;
import io.github.dpo4j.safetensors.Sha256;
import io.github.dpo4j.text.TruncationMode;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchRecipeTest {
    private static final Path MODEL = TinyRun.golden("llama/policy");

    private static BenchSettings settings(BenchSettings.Pairs pairs, boolean liveReference) {
        return new BenchSettings(
                MODEL, pairs, 3, OptionalInt.of(20), 4, 1, liveReference, 32, ComputeType.FLOAT32, Device.CPU, 42);
    }

    private static BenchResult run(BenchSettings settings) {
        return new BenchRecipe(settings, RunObserver.silent(), Clock.systemUTC()).run();
    }

    @Test
    void madeUpPairsCostWhatTheirLengthsSay() {
        BenchResult result = run(settings(new BenchSettings.Pairs.MadeUp(3, 2, 4), true));
        // By hand: width 64, 2 layers, 4 heads of width 16 that share 2, MLP 128 gated, vocabulary 768. A pair's 9
        // packed
        // tokens x 2 x 2 x (64 x 192 + 3 x 64 x 128) + 37 visible keys x 4 x 2 x 64 + 6 scored x 2 x 64 x 768.
        long pair = 9 * 4 * (12_288 + 24_576) + 37 * 512 + 6 * 98_304;
        assertThat(result.allSteps()).hasSize(4);
        assertThat(result.countedSteps()).hasSize(3).allSatisfy(step -> {
            assertThat(step.flopsOf(Phase.REFERENCE)).isEqualTo(3 * pair);
            assertThat(step.flopsOf(Phase.FORWARD)).isEqualTo(3 * pair);
            assertThat(step.flopsOf(Phase.BACKWARD)).isEqualTo(6 * pair);
            assertThat(step.totalFlops()).isEqualTo(12 * pair);
            assertThat(step.packedTokens()).isEqualTo(27);
            assertThat(step.sequenceTokens()).isEqualTo(3 * (3 + 2 + 3 + 4));
            // Two pairs of 9 tokens fit into 20, the third is by itself.
            assertThat(step.microBatches()).isEqualTo(2);
            assertThat(step.seconds()).containsOnlyKeys(Phase.values());
        });
        assertThat(result.peaks()).extracting(GemmPeaks.Peak::shape).contains(new GemmPeaks.Shape(18, 64, 128));
        assertThat(result.step().shareOfPeak())
                .isCloseTo(12 * pair / result.step().seconds() / result.peak(ComputeType.FLOAT32), within(1e-9));
    }

    @Test
    void storedReferenceLogpsCostNothing() {
        BenchResult result = run(settings(new BenchSettings.Pairs.MadeUp(3, 2, 4), false));
        assertThat(result.speed(Phase.REFERENCE).flops()).isZero();
        assertThat(new BenchTable(result).text()).contains("reference stored", "up to 20 packed tokens; 2 a step");
        // Only Linux tells; a JVM with libtorch in it holds more than 64 MiB.
        assertThat(result.peakMemory().isPresent()).isEqualTo(Files.exists(Path.of("/proc/self/status")));
        assertThat(result.peakMemory().orElse(Long.MAX_VALUE)).isGreaterThan(64 << 20);
    }

    @Test
    void pairsOfADatasetAreMeasuredAndTheModelsFilesStayAsTheyAre(@TempDir Path folder) throws IOException {
        Path data = TinyRun.pairs(folder.resolve("pairs.jsonl"), TinyRun.PAIRS);
        String before = Sha256.of(MODEL.resolve("model.safetensors"));
        BenchResult result = run(settings(
                new BenchSettings.Pairs.Of(
                        List.of(data.toString()),
                        new PairSource(
                                new LengthLimit.Usual(),
                                OptionalInt.empty(),
                                TruncationMode.KEEP_START,
                                OnBadRow.FAIL)),
                true));
        // Ten pairs are three steps of three and one of one; the middle one of the counted 3, 3, 1 is 3.
        assertThat(result.countedSteps()).extracting(StepTimes::pairs).containsExactly(3, 3, 1);
        assertThat(result.pairs()).isEqualTo(3);
        assertThat(Sha256.of(MODEL.resolve("model.safetensors"))).isEqualTo(before);
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).containsExactly(data);
        }
    }

    @Test
    void refusesMadeUpPairsThatTheModelHasNoPlaceFor() {
        assertThatThrownBy(() -> run(settings(new BenchSettings.Pairs.MadeUp(1000, 2, 25), false)))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("1025 tokens", "1024");
    }

    @Test
    void refusesToCountNoStep() {
        assertThatThrownBy(() -> new BenchSettings(
                        MODEL,
                        new BenchSettings.Pairs.MadeUp(3, 2, 4),
                        3,
                        OptionalInt.empty(),
                        2,
                        2,
                        true,
                        32,
                        ComputeType.FLOAT32,
                        Device.CPU,
                        42))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("warmup_steps is 2 of 2 steps");
    }
}
