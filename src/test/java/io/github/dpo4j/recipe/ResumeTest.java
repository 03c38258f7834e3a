package io.github.dpo4j.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dpo4j.UserError;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.report.RunManifest;
import io.github.dpo4j.report.RunStatus;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.train.OptimizerSettings;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Same settings, same bits, however often a run is stopped. */
class ResumeTest {
    private final Path folder;
    private Path dataset = Path.of("");

    ResumeTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @BeforeEach
    void writeDataset() throws IOException {
        dataset = TinyRun.pairs(folder.resolve("pairs.jsonl"), TinyRun.PAIRS);
    }

    private TinyRun run(String name) {
        TinyRun run = new TinyRun(dataset, folder.resolve(name));
        run.saveSteps = 8;
        return run;
    }

    private TinyRun resumed(String name) {
        TinyRun run = run(name);
        run.start = RunFolder.Start.RESUME;
        return run;
    }

    /** Stops in mid-epoch, with and without metric sums in flight (a line every 3 steps), and before an evaluation. */
    @ParameterizedTest
    @ValueSource(ints = {1, 3, 4, 5, 7})
    void aDpoRunStoppedAndResumedHasTheBitsOfOneThatWasNot(int stop) throws IOException {
        assertThat(run("whole").dpo()).isEqualTo(RunStatus.FINISHED);
        assertThat(run("cut").dpo(TinyRun.stopAfter(stop))).isEqualTo(RunStatus.STOPPED);
        assertThat(folder.resolve("cut/model")).doesNotExist();
        assertThat(resumed("cut").dpo()).isEqualTo(RunStatus.FINISHED);

        assertThat(TinyRun.bits(folder.resolve("cut"), 8)).isEqualTo(TinyRun.bits(folder.resolve("whole"), 8));
        assertThat(TinyRun.metrics(folder.resolve("cut"))).isEqualTo(TinyRun.metrics(folder.resolve("whole")));
    }

    /** The reference moves after steps 2, 4, 6 and 8: once before each stop and again after it. */
    @ParameterizedTest
    @EnumSource
    void aRunWhoseReferenceMovesHasTheBitsOfOneThatWasNotStopped(ComputeType type) throws IOException {
        for (String name : List.of("whole", "cut")) {
            TinyRun run = run(name);
            run.computeType = type;
            run.referenceStorage = new ReferenceStorage.Moving(2, 0.3);
            run.dpo(name.equals("cut") ? TinyRun.stopAfter(3) : () -> false);
        }
        TinyRun resumed = resumed("cut");
        resumed.computeType = type;
        resumed.referenceStorage = new ReferenceStorage.Moving(2, 0.3);
        assertThat(resumed.dpo()).isEqualTo(RunStatus.FINISHED);

        assertThat(TinyRun.bits(folder.resolve("cut"), 8)).isEqualTo(TinyRun.bits(folder.resolve("whole"), 8));
        assertThat(folder.resolve("cut/checkpoints/step-8/reference.safetensors"))
                .hasSameBinaryContentAs(folder.resolve("whole/checkpoints/step-8/reference.safetensors"));
        assertThat(TinyRun.metrics(folder.resolve("cut"))).isEqualTo(TinyRun.metrics(folder.resolve("whole")));

        TinyRun other = resumed("cut");
        other.computeType = type;
        other.referenceStorage = new ReferenceStorage.Moving(2, 0.4);
        assertThatThrownBy(other::dpo).isInstanceOf(UserError.class).hasMessageContaining("ref_model_mixup_alpha");
    }

    @Test
    void aRunStoppedThreeTimesHasTheBitsOfOneThatWasNot() throws IOException {
        run("whole").dpo();
        run("cut").dpo(TinyRun.stopAfter(2));
        resumed("cut").dpo(TinyRun.stopAfter(1));
        resumed("cut").dpo(TinyRun.stopAfter(3));
        assertThat(resumed("cut").dpo()).isEqualTo(RunStatus.FINISHED);

        assertThat(TinyRun.bits(folder.resolve("cut"), 8)).isEqualTo(TinyRun.bits(folder.resolve("whole"), 8));
        assertThat(TinyRun.metrics(folder.resolve("cut"))).isEqualTo(TinyRun.metrics(folder.resolve("whole")));
        assertThat(TinyRun.metrics(folder.resolve("cut")))
                .extracting(line -> line.path("split").asText() + line.path("step"))
                .containsExactly("train3", "eval4", "train6", "train8", "eval8");
    }

    @Test
    void anSftRunWithRmsPropStoppedAndResumedHasTheBitsOfOneThatWasNot() throws IOException {
        Consumer<TinyRun> rms = run -> run.optimizer = new OptimizerSettings.RmsProp(0.99, 1e-8, 0.01);
        TinyRun whole = run("whole");
        TinyRun cut = run("cut");
        TinyRun resumed = resumed("cut");
        List.of(whole, cut, resumed).forEach(rms);
        whole.sft(() -> false);
        assertThat(cut.sft(TinyRun.stopAfter(4))).isEqualTo(RunStatus.STOPPED);
        assertThat(resumed.sft(() -> false)).isEqualTo(RunStatus.FINISHED);

        assertThat(TinyRun.bits(cut.output, 8)).isEqualTo(TinyRun.bits(whole.output, 8));
        assertThat(TinyRun.metrics(cut.output)).isEqualTo(TinyRun.metrics(whole.output));
    }

    @Test
    void theSeedDecidesTheBits() throws IOException {
        run("a").dpo();
        run("b").dpo();
        TinyRun other = run("c");
        other.seed = 7;
        other.dpo();

        assertThat(TinyRun.bits(folder.resolve("b"), 8)).isEqualTo(TinyRun.bits(folder.resolve("a"), 8));
        assertThat(TinyRun.bits(folder.resolve("c"), 8)).isNotEqualTo(TinyRun.bits(folder.resolve("a"), 8));
    }

    /** Checks that {@code changed} is refused with a sentence that names {@code key}, and that nothing of the run is touched. */
    private void refuses(String key, TinyRun changed) throws IOException {
        Map<String, String> before = TinyRun.contents(changed.output);
        assertThatThrownBy(changed::dpo)
                .isInstanceOf(UserError.class)
                .hasMessageContaining("--resume")
                .hasMessageContaining(key)
                .hasMessageContaining("--overwrite");
        assertThat(TinyRun.contents(changed.output)).isEqualTo(before);
    }

    @Test
    void resumingWithOtherSettingsIsRefusedByNameAndTouchesNothing() throws IOException {
        run("cut").dpo(TinyRun.stopAfter(2));
        TinyRun changed = resumed("cut");
        changed.learningRate = 2e-3;
        refuses("learning_rate (was 0.001, is 0.002)", changed);
        changed = resumed("cut");
        changed.batchSize = 1;
        refuses("per_device_train_batch_size (was 2, is 1)", changed);
        changed = resumed("cut");
        changed.seed = 43;
        refuses("seed (was 42, is 43)", changed);
        changed = resumed("cut");
        changed.maxSteps = 9;
        refuses("max_steps (was 8, is 9)", changed);
        changed = resumed("cut");
        changed.reference = java.util.Optional.of(TinyRun.golden("llama/reference"));
        refuses("reference_model", changed);
        TinyRun.pairs(dataset, TinyRun.PAIRS - 1);
        refuses("dataset pairs.jsonl sha256", resumed("cut"));
    }

    @Test
    void resumingTakesTheTokenBudgetThatTheRunBeganWithAndRefusesAnother() throws IOException {
        TinyRun whole = run("whole");
        whole.tokensPerMicroBatch = OptionalInt.of(50);
        whole.dpo();
        TinyRun cut = run("cut");
        cut.tokensPerMicroBatch = OptionalInt.of(50);
        cut.dpo(TinyRun.stopAfter(3));
        refuses("tokens_per_micro_batch (was 50, is 100)", resumed("cut"));
        TinyRun resumed = resumed("cut");
        resumed.tokensPerMicroBatch = OptionalInt.empty();
        assertThat(resumed.dpo()).isEqualTo(RunStatus.FINISHED);

        assertThat(TinyRun.bits(cut.output, 8)).isEqualTo(TinyRun.bits(whole.output, 8));
        assertThat(TinyRun.metrics(cut.output)).isEqualTo(TinyRun.metrics(whole.output));
    }

    @Test
    void aRunMayBeResumedWithActivationsRecomputed() throws IOException {
        run("whole").dpo();
        run("cut").dpo(TinyRun.stopAfter(3));
        TinyRun resumed = resumed("cut");
        resumed.checkpointing = ActivationCheckpointing.ON;
        assertThat(resumed.dpo()).isEqualTo(RunStatus.FINISHED);

        assertThat(TinyRun.bits(folder.resolve("cut"), 8)).isEqualTo(TinyRun.bits(folder.resolve("whole"), 8));
    }

    @Test
    void resumingWhereThereIsNoRunIsRefused() throws IOException {
        assertThatThrownBy(resumed("none")::dpo).isInstanceOf(UserError.class).hasMessageContaining("there is no run");
        Path foreign = Files.createDirectory(folder.resolve("foreign"));
        Files.writeString(foreign.resolve("thesis.txt"), "mine");
        assertThatThrownBy(resumed("foreign")::dpo)
                .isInstanceOf(UserError.class)
                .hasMessageContaining("there is no run in " + foreign);
        assertThat(TinyRun.contents(foreign)).containsOnlyKeys("thesis.txt");
    }

    @Test
    void aFinishedRunResumedTrainsNothingAndKeepsItsBits() throws IOException {
        run("done").dpo();
        List<String> bits = TinyRun.bits(folder.resolve("done"), 8);
        byte[] metrics = Files.readAllBytes(folder.resolve("done/metrics.jsonl"));
        assertThat(resumed("done").dpo()).isEqualTo(RunStatus.FINISHED);
        assertThat(TinyRun.bits(folder.resolve("done"), 8)).isEqualTo(bits);
        assertThat(folder.resolve("done/metrics.jsonl")).hasBinaryContent(metrics);
    }

    @Test
    void aCheckpointWithoutManifestIsPassedOverForTheOneBefore() throws IOException {
        TinyRun whole = run("whole");
        whole.saveSteps = 2;
        whole.dpo();
        TinyRun cut = run("cut");
        cut.saveSteps = 2;
        cut.dpo(TinyRun.stopAfter(6));
        Files.delete(cut.output.resolve("checkpoints/step-6/manifest.json"));
        TinyRun resumed = resumed("cut");
        resumed.saveSteps = 2;
        resumed.dpo();

        assertThat(TinyRun.bits(cut.output, 8)).isEqualTo(TinyRun.bits(whole.output, 8));
        assertThat(TinyRun.bits(cut.output, 6)).isEqualTo(TinyRun.bits(whole.output, 6));
        assertThat(TinyRun.metrics(cut.output)).isEqualTo(TinyRun.metrics(whole.output));
    }

    @Test
    void aCheckpointWithTruncatedWeightsIsRefusedWithItsNameAndTouchesNothing() throws IOException {
        run("cut").dpo(TinyRun.stopAfter(2));
        Path weights = folder.resolve("cut/checkpoints/step-2/weights.safetensors");
        try (RandomAccessFile file = new RandomAccessFile(weights.toFile(), "rw")) {
            file.setLength(1000);
        }
        Map<String, String> before = TinyRun.contents(folder.resolve("cut"));
        assertThatThrownBy(resumed("cut")::dpo)
                .isInstanceOf(UserError.class)
                .hasMessageContaining(weights.toString())
                .hasMessageContaining("delete");
        assertThat(TinyRun.contents(folder.resolve("cut"))).isEqualTo(before);
    }

    @Test
    void aRunWhoseMetricsAreGoneIsRefused() throws IOException {
        run("cut").dpo(TinyRun.stopAfter(4));
        Files.delete(folder.resolve("cut/metrics.jsonl"));
        assertThatThrownBy(resumed("cut")::dpo)
                .isInstanceOf(UserError.class)
                .hasMessageContaining("metrics.jsonl is missing");
        assertThat(folder.resolve("cut/model")).doesNotExist();
    }

    @Test
    void onlyAsManyCheckpointsStayAsAreAskedFor() throws IOException {
        TinyRun run = run("few");
        run.saveSteps = 2;
        run.saveTotalLimit = 2;
        run.dpo();
        assertThat(Objects.requireNonNull(
                        folder.resolve("few/checkpoints").toFile().list()))
                .containsExactlyInAnyOrder("step-6", "step-8");
    }

    @Test
    void theManifestTellsHowARunEndedAndTheWrittenModelLoads() throws IOException {
        run("cut").dpo(TinyRun.stopAfter(2));
        assertThat(RunManifest.read(folder.resolve("cut/run.json")).status()).isEqualTo(RunStatus.STOPPED);
        resumed("cut").dpo();
        assertThat(RunManifest.read(folder.resolve("cut/run.json")).status()).isEqualTo(RunStatus.FINISHED);
        assertThat(ModelFolder.open(folder.resolve("cut/model")).settings())
                .isEqualTo(ModelFolder.open(TinyRun.golden("llama/policy")).settings());
    }

    @Test
    void aSecondRunIntoTheSameFolderIsRefusedWhileTheFirstGoesOn() throws IOException {
        run("busy").dpo(TinyRun.stopAfter(2));
        try (RunLock _ = RunLock.of(folder.resolve("busy"))) {
            assertThatThrownBy(() -> resumed("busy").dpo())
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("in use");
        }
        assertThat(resumed("busy").dpo()).isEqualTo(RunStatus.FINISHED);
        assertThat(folder.resolve("busy/.lock")).doesNotExist();
    }

    @Test
    void theSameRowsInAnotherOrderAreOtherData() throws IOException {
        run("cut").dpo(TinyRun.stopAfter(2));
        List<String> rows = Files.readAllLines(dataset);
        Files.write(dataset, rows.reversed());
        assertThatThrownBy(() -> resumed("cut").dpo())
                .isInstanceOf(UserError.class)
                .hasMessageContaining("token_ids")
                .hasMessageContaining("dataset");
    }
}
