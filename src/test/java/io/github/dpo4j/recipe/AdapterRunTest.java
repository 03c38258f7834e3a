package io.github.dpo4j.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.data.OnBadRow;
import io.github.dpo4j.model.lora.LoraSettings;
import io.github.dpo4j.model.lora.LoraTargets;
import io.github.dpo4j.report.RunStatus;
import io.github.dpo4j.safetensors.SafetensorsFile;
import io.github.dpo4j.safetensors.Sha256;
import io.github.dpo4j.text.TruncationMode;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs that train an adapter. */
class AdapterRunTest {
    private final Path folder;
    private Path dataset = Path.of("");

    AdapterRunTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @BeforeEach
    void writeDataset() throws IOException {
        dataset = TinyRun.pairs(folder.resolve("pairs.jsonl"), TinyRun.PAIRS);
    }

    private static AdapterChoice lora(double dropout, boolean merge) {
        return new AdapterChoice(
                Optional.of(new LoraSettings(4, 8, dropout, new LoraTargets.AllLinear(), false, false, List.of())),
                merge);
    }

    private TinyRun run(String name, AdapterChoice adapter) {
        TinyRun run = new TinyRun(dataset, folder.resolve(name));
        run.saveSteps = 8;
        run.adapter = adapter;
        return run;
    }

    private double[] logps(Path model) {
        List<PairScorer.Scores> scores = new PairScorer(
                        model,
                        Optional.empty(),
                        new PairSource(
                                new LengthLimit.Usual(), OptionalInt.empty(), TruncationMode.KEEP_START, OnBadRow.FAIL),
                        4,
                        Device.CPU,
                        ComputeType.FLOAT32,
                        RunObserver.silent())
                .score(List.of(dataset.toString()), folder.resolve("skipped"));
        return scores.stream()
                .flatMapToDouble(score -> DoubleStream.of(score.policyChosen(), score.policyRejected()))
                .toArray();
    }

    private static void assertClose(double[] actual, double[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.length; i++) {
            assertThat(actual[i]).isCloseTo(expected[i], within(1e-5 * Math.abs(expected[i])));
        }
    }

    private static List<String> hashes(Path run) throws IOException {
        return List.of(
                Sha256.of(run.resolve("adapter/adapter_model.safetensors")),
                Sha256.of(run.resolve("checkpoints/step-8/weights.safetensors")),
                Sha256.of(run.resolve("checkpoints/step-8/optimizer.safetensors")));
    }

    @Test
    void aRunWritesItsAdapterAndMergedTheWholeModel() throws IOException {
        TinyRun run = run("run", lora(0, true));
        assertThat(run.dpo()).isEqualTo(RunStatus.FINISHED);
        assertThat(run.output.resolve("adapter/tokenizer.json")).exists();
        assertThat(Files.readString(run.output.resolve("adapter/README.md"))).contains("LoRA adapter");
        assertThat(run.output.resolve("adapter/config.json")).doesNotExist();

        double[] adapter = logps(run.output.resolve("adapter"));
        assertClose(logps(run.output.resolve("model")), adapter);
        assertThat(adapter).isNotEqualTo(logps(run.model));
    }

    @Test
    void withoutMergingThereIsNoModelAndCheckpointsHoldTheAdapterAlone() throws IOException {
        TinyRun run = run("run", lora(0, false));
        run.dpo();
        assertThat(run.output.resolve("model")).doesNotExist();
        try (SafetensorsFile weights =
                SafetensorsFile.open(run.output.resolve("checkpoints/step-8/weights.safetensors"))) {
            assertThat(weights.tensors().keySet()).isNotEmpty().allMatch(name -> name.contains(".lora_"));
        }
    }

    @Test
    void aRunWithDropoutStoppedAndResumedHasTheBitsOfOneThatWasNot() throws IOException {
        TinyRun whole = run("whole", lora(0.2, false));
        whole.dpo();
        TinyRun cut = run("cut", lora(0.2, false));
        assertThat(cut.dpo(TinyRun.stopAfter(3))).isEqualTo(RunStatus.STOPPED);
        TinyRun resumed = run("cut", lora(0.2, false));
        resumed.start = RunFolder.Start.RESUME;
        assertThat(resumed.dpo()).isEqualTo(RunStatus.FINISHED);

        assertThat(hashes(cut.output)).isEqualTo(hashes(whole.output));
        assertThat(TinyRun.metrics(cut.output)).isEqualTo(TinyRun.metrics(whole.output));
        TinyRun without = run("without", lora(0, false));
        without.dpo();
        assertThat(hashes(without.output)).isNotEqualTo(hashes(whole.output));
    }

    @Test
    void resumingWithAnotherRankIsRefusedByName() throws IOException {
        run("cut", lora(0, false)).dpo(TinyRun.stopAfter(3));
        TinyRun resumed = run("cut", AdapterChoice.NONE);
        resumed.start = RunFolder.Start.RESUME;
        assertThatThrownBy(resumed::dpo)
                .isInstanceOf(UserError.class)
                .hasMessageContaining("lora_r (was 4, is absent)");
    }

    /** The reference is then base and adapter as they were, so that the first loss is ln 2. */
    @Test
    void anAdapterFromFineTuningIsTrainedOnAndIsItsOwnReference() throws IOException {
        TinyRun sft = run("sft", lora(0, false));
        sft.sft(() -> false);
        List<String> notes = new ArrayList<>();
        TinyRun dpo = run("dpo", AdapterChoice.NONE);
        dpo.model = sft.output.resolve("adapter");
        dpo.referenceStorage = new ReferenceStorage.Live();
        dpo.observer = notesInto(notes);
        assertThat(dpo.dpo()).isEqualTo(RunStatus.FINISHED);
        assertThat(notes).anyMatch(note -> note.contains("policy = reference gives 0.693147"));
        assertThat(logps(dpo.output.resolve("adapter"))).isNotEqualTo(logps(dpo.model));
    }

    @Test
    void anAdapterInBfloat16BeginsAtItsReferenceToo() throws IOException {
        List<String> notes = new ArrayList<>();
        TinyRun run = run("run", lora(0, false));
        run.computeType = ComputeType.BFLOAT16;
        run.referenceStorage = new ReferenceStorage.Live();
        run.observer = notesInto(notes);
        run.dpo();
        assertThat(notes).anyMatch(note -> note.contains("policy = reference gives 0.693147"));
    }

    @Test
    void microBatchesChangeNothingButRounding() throws IOException {
        TinyRun one = run("one", lora(0, false));
        one.batchSize = 4;
        one.accumulationSteps = 1;
        one.dpo();
        TinyRun four = run("four", lora(0, false));
        four.batchSize = 1;
        four.accumulationSteps = 4;
        four.tokensPerMicroBatch = OptionalInt.of(1);
        four.dpo();
        List<JsonNode> expected = TinyRun.metrics(one.output);
        List<JsonNode> actual = TinyRun.metrics(four.output);
        for (int i = 0; i < expected.size(); i++) {
            assertThat(actual.get(i).path("loss").asDouble())
                    .isCloseTo(expected.get(i).path("loss").asDouble(), within(1e-4));
        }
    }

    @Test
    void storedReferenceLogpsGiveTheSameRun() throws IOException {
        TinyRun live = run("live", lora(0, false));
        live.referenceStorage = new ReferenceStorage.Live();
        live.dpo();
        TinyRun stored = run("stored", lora(0, false));
        stored.referenceStorage = new ReferenceStorage.Stored(folder.resolve("logps"));
        stored.dpo();
        assertClose(logps(stored.output.resolve("adapter")), logps(live.output.resolve("adapter")));
    }

    /** Without clipping each layer's gradient is used as it is made; a bound that nothing reaches has them all at once. */
    @Test
    void gradientsByLayerGiveTheSameAdapter() throws IOException {
        List<List<String>> hashes = new ArrayList<>();
        for (double bound : new double[] {0, 1e9}) {
            TinyRun run = run("bound" + bound, lora(0, false));
            run.maxGradNorm = bound;
            run.batchSize = 1;
            run.accumulationSteps = 1;
            run.dpo();
            hashes.add(hashes(run.output));
        }
        assertThat(hashes.get(0)).isEqualTo(hashes.get(1));
    }

    @Test
    void aTrainedDoraAdapterInBfloat16BeginsAtItsReference() throws IOException {
        LoraSettings dora = new LoraSettings(4, 8, 0, new LoraTargets.AllLinear(), false, true, List.of());
        TinyRun sft = run("sft", new AdapterChoice(Optional.of(dora), false));
        sft.computeType = ComputeType.BFLOAT16;
        sft.learningRate = 1e-2;
        sft.sft(() -> false);
        List<String> notes = new ArrayList<>();
        TinyRun dpo = run("dpo", AdapterChoice.NONE);
        dpo.model = sft.output.resolve("adapter");
        dpo.computeType = ComputeType.BFLOAT16;
        dpo.referenceStorage = new ReferenceStorage.Live();
        dpo.observer = notesInto(notes);
        assertThat(dpo.dpo()).isEqualTo(RunStatus.FINISHED);
        assertThat(notes).anyMatch(note -> note.contains("policy = reference gives 0.693147"));
    }

    @Test
    void aFinishedRunIsMergedWhenItIsResumedSo() throws IOException {
        TinyRun run = run("run", lora(0, false));
        run.dpo();
        TinyRun resumed = run("run", lora(0, true));
        resumed.start = RunFolder.Start.RESUME;
        assertThat(resumed.dpo()).isEqualTo(RunStatus.FINISHED);
        assertClose(logps(run.output.resolve("model")), logps(run.output.resolve("adapter")));
    }

    /** What the run reads through an adapter it may not delete either. */
    @Test
    void overwritingNeverDeletesTheBaseOfAnAdapter() throws IOException {
        TinyRun whole = run("whole", AdapterChoice.NONE);
        whole.sft(() -> false);
        TinyRun adapter = run("adapter", lora(0, false));
        adapter.model = whole.output.resolve("model");
        adapter.sft(() -> false);
        TinyRun over = run("whole", AdapterChoice.NONE);
        over.model = adapter.output.resolve("adapter");
        over.start = RunFolder.Start.OVERWRITE;
        assertThatThrownBy(() -> over.sft(() -> false))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("--overwrite would delete");
        assertThat(whole.output.resolve("model/model.safetensors")).exists();
    }

    @Test
    void anAdapterIsNotGivenAnother() throws IOException {
        TinyRun sft = run("sft", lora(0, false));
        sft.sft(() -> false);
        TinyRun dpo = run("dpo", lora(0, false));
        dpo.model = sft.output.resolve("adapter");
        assertThatThrownBy(dpo::dpo).isInstanceOf(UserError.class).hasMessageContaining("is an adapter");
    }

    @Test
    void withoutAnAdapterThereIsNothingToMerge() {
        TinyRun run = run("run", new AdapterChoice(Optional.empty(), true));
        assertThatThrownBy(run::dpo).isInstanceOf(UserError.class).hasMessageContaining("merge_lora");
    }

    private static RunObserver notesInto(List<String> notes) {
        return new RunObserver() {
            @Override
            public void note(String sentence) {
                notes.add(sentence);
            }

            @Override
            public void begin(String task, long total, long done) {}

            @Override
            public void progress(long done, String detail) {}

            @Override
            public void end() {}
        };
    }
}
