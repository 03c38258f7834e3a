package io.github.dpo4j.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.report.RunManifest;
import io.github.dpo4j.report.RunStatus;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.train.NonFiniteException;
import io.github.dpo4j.train.OptimizerSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TrainingRunTest {
    private final Path folder;
    private Path dataset = Path.of("");

    TrainingRunTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @BeforeEach
    void writeDataset() throws IOException {
        dataset = TinyRun.pairs(folder.resolve("pairs.jsonl"), TinyRun.PAIRS);
    }

    private TinyRun run(String name) {
        return new TinyRun(dataset, folder.resolve(name));
    }

    @Test
    void theLossStartsAtLog2AndIsCloseInBothComputeTypes() throws IOException {
        double[][] losses = new double[2][];
        for (ComputeType type : new ComputeType[] {ComputeType.FLOAT32, ComputeType.BFLOAT16}) {
            TinyRun run = run(type.label());
            run.computeType = type;
            run.loggingSteps = 1;
            run.dpo();
            losses[type == ComputeType.FLOAT32 ? 0 : 1] = TinyRun.metrics(run.output).stream()
                    .filter(line -> line.path("split").asText().equals("train"))
                    .mapToDouble(line -> line.path("loss").asDouble())
                    .toArray();
        }
        assertThat(losses[0]).hasSize(8);
        assertThat(losses[0][0]).isCloseTo(Math.log(2), within(1e-6));
        assertThat(losses[1][0]).isCloseTo(Math.log(2), within(1e-6));
        assertThat(losses[0][7]).isLessThan(0.69);
        assertThat(losses[1]).containsExactly(losses[0], within(0.03));
    }

    @Test
    void onlyTheNumberOfExamplesOfAStepDecidesTheBits() throws IOException {
        List<TinyRun> arrangements = new ArrayList<>();
        for (int batchSize : new int[] {1, 2, 4}) {
            TinyRun run = run(batchSize + " x " + 4 / batchSize);
            run.batchSize = batchSize;
            run.accumulationSteps = 4 / batchSize;
            run.saveSteps = 8;
            run.dpo();
            arrangements.add(run);
        }
        TinyRun first = arrangements.getFirst();
        for (TinyRun run : arrangements) {
            assertThat(TinyRun.bits(run.output, 8)).isEqualTo(TinyRun.bits(first.output, 8));
            assertThat(TinyRun.metrics(run.output)).isEqualTo(TinyRun.metrics(first.output));
        }
    }

    @Test
    void trainAndEvalLinesAreTheSameUnderAnyTokenBudget() throws IOException {
        List<List<JsonNode>> logs = new ArrayList<>();
        for (int tokens : new int[] {10_000, 80, 1}) {
            TinyRun run = run(tokens + " tokens");
            run.tokensPerMicroBatch = OptionalInt.of(tokens);
            // Another reference than the start: rounding alone would decide about accuracies where both are the same.
            run.reference = Optional.of(TinyRun.golden("llama/reference"));
            // A large epsilon: Adam would otherwise follow the signs of gradients that are rounding alone.
            run.optimizer = new OptimizerSettings.AdamW(0.9, 0.999, 1e-3, 0);
            run.dpo();
            logs.add(TinyRun.metrics(run.output));
        }
        for (List<JsonNode> log : logs) {
            assertThat(log).hasSize(5); // steps 3, 6 and 8 of train, 4 and 8 of eval
            for (int line = 0; line < 5; line++) {
                JsonNode expected = logs.getFirst().get(line);
                assertThat(log.get(line).properties()).hasSameSizeAs(expected.properties());
                for (Map.Entry<String, JsonNode> metric : expected.properties()) {
                    JsonNode actual = log.get(line).path(metric.getKey());
                    assertThat(actual.asDouble())
                            .as(metric.getKey())
                            .isCloseTo(metric.getValue().asDouble(), within(1e-4));
                }
            }
        }
    }

    @Test
    void recomputingActivationsChangesNoBit() throws IOException {
        List<TinyRun> runs = new ArrayList<>();
        for (ActivationCheckpointing checkpointing :
                List.of(ActivationCheckpointing.ON, ActivationCheckpointing.OFF, ActivationCheckpointing.AUTO)) {
            TinyRun run = run(checkpointing.name());
            run.checkpointing = checkpointing;
            run.saveSteps = 8;
            run.dpo();
            runs.add(run);
        }
        assertThat(runs).extracting(run -> checkpointing(run.output)).containsExactly("on", "off", "off");
        for (TinyRun run : runs) {
            assertThat(TinyRun.bits(run.output, 8)).isEqualTo(TinyRun.bits(runs.getFirst().output, 8));
            assertThat(TinyRun.metrics(run.output)).isEqualTo(TinyRun.metrics(runs.getFirst().output));
        }
    }

    @ParameterizedTest
    @EnumSource(ComputeType.class)
    void gradientsThatAreUsedLayerByLayerChangeNoBit(ComputeType type) throws IOException {
        TinyRun whole = run("whole");
        TinyRun byLayer = run("by layer");
        TinyRun resumed = run("resumed");
        whole.maxGradNorm = 1e30; // clips, but never anything
        byLayer.maxGradNorm = 0;
        resumed.maxGradNorm = 0;
        for (TinyRun run : List.of(whole, byLayer, resumed)) {
            run.computeType = type;
            run.tokensPerMicroBatch = OptionalInt.of(10_000);
            run.saveSteps = 4;
        }
        whole.dpo();
        byLayer.dpo();
        resumed.dpo(TinyRun.stopAfter(4));
        resumed.start = RunFolder.Start.RESUME;
        resumed.dpo();
        assertThat(List.of(whole, byLayer, resumed))
                .extracting(run -> Files.readString(run.output.resolve("report.html"))
                        .contains("gradient is used and freed as soon as it is made"))
                .containsExactly(false, true, true);
        assertThat(TinyRun.bits(byLayer.output, 8)).isEqualTo(TinyRun.bits(whole.output, 8));
        assertThat(TinyRun.bits(resumed.output, 8)).isEqualTo(TinyRun.bits(whole.output, 8));

        whole.output = folder.resolve("whole sft");
        byLayer.output = folder.resolve("sft by layer");
        whole.sft(() -> false);
        byLayer.sft(() -> false);
        assertThat(TinyRun.bits(byLayer.output, 8)).isEqualTo(TinyRun.bits(whole.output, 8));
    }

    private static String checkpointing(Path run) {
        try {
            return RunManifest.read(run.resolve("run.json")).settings().stream()
                    .filter(setting -> setting.name().equals("activation_checkpointing"))
                    .map(setting -> setting.value().asText())
                    .collect(Collectors.joining());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aLossThatIsNotFiniteEndsTheRunWithTheStepAndThePairsAndWithoutAModel() throws IOException {
        TinyRun run = run("huge");
        run.learningRate = 1e30;
        run.saveSteps = 2;
        assertThatThrownBy(run::dpo)
                .isInstanceOf(NonFiniteException.class)
                .hasMessageStartingWith("step 3: ")
                .hasMessageContaining("pairs.jsonl:")
                .hasMessageContaining("tokens)")
                .hasMessageContaining("last checkpoint is intact");
        assertThat(folder.resolve("huge/model")).doesNotExist();
        assertThat(folder.resolve("huge/checkpoints/step-2/manifest.json")).exists();
        assertThat(RunManifest.read(folder.resolve("huge/run.json")).status()).isEqualTo(RunStatus.FAILED);
        assertThat(TinyRun.temporaries(folder)).isEmpty();
    }

    @Test
    void threeHundredStepsLeaveNoNativeMemoryBehind() throws IOException {
        TinyRun run = run("long");
        run.maxSteps = 300;
        run.accumulationSteps = 1;
        run.evalSteps = 50;
        run.saveSteps = 100;
        int[] step = {0};
        long[] pointers = new long[2];
        long[] bytes = new long[2];
        run.dpo(() -> {
            step[0]++;
            if (step[0] == 60 || step[0] == 290) {
                int at = step[0] == 60 ? 0 : 1;
                touchEden();
                pointers[at] = Pointer.totalCount();
                bytes[at] = Pointer.physicalBytes();
            }
            return false;
        });
        assertThat(pointers[1]).isEqualTo(pointers[0]);
        assertThat(bytes[1] - bytes[0]).as("growth of RSS").isLessThan(64L << 20);
    }

    /** The collector reserves more pages than it has used; those it has yet to touch are no leak. */
    private static void touchEden() {
        System.gc();
        long eden = ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(pool -> pool.getName().contains("Eden"))
                .mapToLong(pool -> pool.getUsage().getCommitted())
                .sum();
        long touched = 0;
        while (touched < eden) {
            touched += new byte[1 << 20].length;
        }
        System.gc();
    }
}
