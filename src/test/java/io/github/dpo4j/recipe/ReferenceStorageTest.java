package io.github.dpo4j.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.dpo4j.UserError;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PreferenceLoss;
import io.github.dpo4j.report.RunStatus;
import io.github.dpo4j.torch.ComputeType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reference logps are computed once, by whoever comes first, and are those of the reference itself. */
class ReferenceStorageTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** They fill several packs of 1024 tokens. */
    private static final int MANY = 200;

    private final Path folder;
    private final Path stores;
    private final Heard heard = new Heard();
    private Path dataset = Path.of("");

    ReferenceStorageTest(@TempDir Path folder) {
        this.folder = folder;
        this.stores = folder.resolve("stores");
    }

    @BeforeEach
    void writeDataset() throws IOException {
        dataset = TinyRun.pairs(folder.resolve("pairs.jsonl"), TinyRun.PAIRS);
    }

    /** What a run said, and how many packs of reference logps it computed; it fails once {@code most} packs are done. */
    private static final class Heard implements RunObserver {
        final List<String> notes = new ArrayList<>();
        int packs;
        int most = Integer.MAX_VALUE;
        private boolean filling;

        @Override
        public void note(String sentence) {
            notes.add(sentence);
        }

        @Override
        public void begin(String task, long total, long done) {
            filling = task.startsWith("reference logps");
        }

        @Override
        public void progress(long done, String summary) {
            if (filling && ++packs >= most) {
                throw new IllegalStateException("killed");
            }
        }

        @Override
        public void end() {
            filling = false;
        }
    }

    private TinyRun run(String name, ReferenceStorage storage) {
        heard.notes.clear();
        heard.packs = 0;
        heard.most = Integer.MAX_VALUE;
        TinyRun run = new TinyRun(dataset, folder.resolve(name));
        run.referenceStorage = storage;
        run.observer = heard;
        run.saveSteps = 8;
        return run;
    }

    private TinyRun stored(String name) {
        return run(name, new ReferenceStorage.Stored(stores));
    }

    private TinyRun auto(String name) {
        return run(name, new ReferenceStorage.Auto(stores));
    }

    private List<Path> keys() throws IOException {
        try (Stream<Path> entries = Files.list(stores)) {
            return entries.sorted().toList();
        }
    }

    private JsonNode setting(TinyRun run, String name) throws IOException {
        return JSON.readTree(run.output.resolve("run.json").toFile())
                .path("settings")
                .path(name);
    }

    @Test
    void aRunOnStoredLogpsHasTheMetricsOfOneOnTheModel() throws IOException {
        for (ComputeType type : ComputeType.values()) {
            TinyRun live = run("live-" + type, new ReferenceStorage.Live());
            TinyRun fromStore = stored("stored-" + type);
            for (TinyRun run : List.of(live, fromStore)) {
                run.reference = Optional.of(TinyRun.golden("llama/reference"));
                run.computeType = type;
                run.dpo();
            }
            double noise = type == ComputeType.FLOAT32 ? 1e-5 : 0.03;
            List<JsonNode> expected = TinyRun.metrics(live.output);
            List<JsonNode> actual = TinyRun.metrics(fromStore.output);
            assertThat(actual).hasSameSizeAs(expected);
            for (int i = 0; i < expected.size(); i++) {
                for (String metric : List.of("loss", "rewards/margins", "rewards/chosen", "grad_norm")) {
                    double value = expected.get(i).path(metric).asDouble();
                    assertThat(actual.get(i).path(metric).asDouble())
                            .as("%s of line %d in %s", metric, i, type)
                            .isCloseTo(value, within(noise * Math.max(1, Math.abs(value))));
                }
            }
        }
    }

    @Test
    void oneStoreServesEveryLossBetaSeedAndBatchSize() throws IOException {
        stored("first").dpo();
        assertThat(heard.packs).isEqualTo(1);
        assertThat(keys()).hasSize(1);
        TinyRun other = stored("other");
        other.beta = 0.5;
        other.loss = new LossMix(List.of(new LossMix.Term(new PreferenceLoss.Hinge(0.5), 1)));
        other.seed = 7;
        other.batchSize = 3;
        other.maxSteps = 5;
        other.dpo();
        assertThat(heard.packs).isZero();
        assertThat(keys()).hasSize(1);
        assertThat(heard.notes).anyMatch(note -> note.startsWith("reference logps of dataset: found in "));
        assertThat(setting(other, "reference_logps_stores").path("dataset"))
                .isEqualTo(JSON.createObjectNode()
                        .put("key", keys().getFirst().getFileName().toString())
                        .put("reused", true));
    }

    @Test
    void anotherTypeOtherTokensAndOtherWeightsHaveStoresOfTheirOwn() throws IOException {
        stored("first").dpo();
        TinyRun type = stored("type");
        type.computeType = ComputeType.BFLOAT16;
        type.dpo();
        assertThat(keys()).hasSize(2);
        TinyRun weights = stored("weights");
        weights.reference = Optional.of(TinyRun.golden("llama/reference"));
        weights.dpo();
        assertThat(keys()).hasSize(3);
        TinyRun tokens = stored("tokens");
        tokens.dataset = Files.write(
                folder.resolve("reversed.jsonl"), Files.readAllLines(dataset).reversed());
        tokens.dpo();
        assertThat(keys()).hasSize(4);
    }

    @Test
    void aFillingThatWasKilledGoesOnWhereItWasAndEndsWithTheSameBits() throws IOException {
        dataset = TinyRun.pairs(folder.resolve("many.jsonl"), MANY);
        stored("whole").dpo();
        int packs = heard.packs;
        assertThat(packs).isGreaterThanOrEqualTo(3);
        Path values = keys().getFirst().resolve("logps.f32");
        byte[] whole = Files.readAllBytes(values);
        Files.delete(keys().getFirst().resolve("manifest.json"));
        Files.delete(values);

        TinyRun killed = stored("killed");
        heard.most = 2;
        assertThatThrownBy(killed::dpo).hasMessage("killed");
        assertThat(keys().getFirst().resolve("manifest.json")).doesNotExist();
        TinyRun again = stored("killed");
        again.dpo();
        assertThat(heard.packs).isEqualTo(packs - 2);
        assertThat(Files.readAllBytes(values)).isEqualTo(whole);
        assertThat(TinyRun.bits(again.output, 8)).isEqualTo(TinyRun.bits(folder.resolve("whole"), 8));
    }

    @Test
    void aDamagedStoreIsSaidToBeAndComputedAnew() throws IOException {
        stored("first").dpo();
        Path values = keys().getFirst().resolve("logps.f32");
        byte[] whole = Files.readAllBytes(values);
        byte[] flipped = whole.clone();
        flipped[whole.length / 2] ^= 1;
        Files.write(values, flipped);
        stored("second").dpo();
        assertThat(heard.notes).anyMatch(note -> note.contains("is damaged (the checksum of logps.f32"));
        assertThat(heard.packs).isEqualTo(1);
        assertThat(Files.readAllBytes(values)).isEqualTo(whole);
        assertThat(TinyRun.bits(folder.resolve("second"), 8)).isEqualTo(TinyRun.bits(folder.resolve("first"), 8));
    }

    /** A store that is whole, but of another model: its key lies, as no check of its own can find out. */
    @Test
    void storedLogpsThatAreNotThePolicysStopTheRunBeforeItsFirstStep() throws IOException {
        TinyRun other = stored("other");
        other.reference = Optional.of(TinyRun.golden("llama/reference"));
        other.dpo();
        Path foreign = keys().getFirst();
        stored("first").dpo();
        Path own =
                keys().stream().filter(key -> !key.equals(foreign)).findFirst().orElseThrow();
        Files.copy(foreign.resolve("logps.f32"), own.resolve("logps.f32"), StandardCopyOption.REPLACE_EXISTING);
        String lie = Files.readString(foreign.resolve("manifest.json"))
                .replace(foreign.getFileName().toString(), own.getFileName().toString());
        Files.writeString(own.resolve("manifest.json"), lie);
        assertThatThrownBy(stored("second")::dpo)
                .isInstanceOf(UserError.class)
                .hasMessageContaining("self-check failed")
                .hasMessageContaining("stored logps differ");
    }

    @Test
    void whatPaysIsStoredAndTheRestIsNot() throws IOException {
        TinyRun once = auto("once");
        once.maxSteps = 2; // 2 x 4 pairs and one evaluation of 10 in all, where storing takes 20
        once.evalSteps = 0;
        once.dpo();
        assertThat(setting(once, "reference_logps").asText()).isEqualTo("live");
        assertThat(heard.notes)
                .contains("reference logps: live; the run needs those of about 17 examples, storing would compute 20");
        assertThat(stores).doesNotExist();

        TinyRun often = auto("often");
        often.dpo(); // 8 of 3 steps an epoch: 26.67 pairs, and two evaluations
        assertThat(setting(often, "reference_logps").asText()).isEqualTo("stored");
        assertThat(heard.notes)
                .contains("reference logps: stored; the run needs those of about 47 examples, 20 are to be computed");

        TinyRun another = auto("another");
        another.maxSteps = 2;
        another.evalSteps = 0;
        another.dpo();
        assertThat(setting(another, "reference_logps").asText()).isEqualTo("stored");
        assertThat(heard.packs).isZero();
    }

    @Test
    void aResumedRunStaysWithItsChoiceThoughAStoreHasComeMeanwhile() throws IOException {
        TinyRun whole = run("whole", new ReferenceStorage.Live());
        TinyRun cut = auto("cut");
        TinyRun resumed = auto("cut");
        for (TinyRun run : List.of(whole, cut, resumed)) {
            run.maxSteps = 2;
            run.evalSteps = 0;
            run.saveSteps = 2;
        }
        whole.dpo();
        assertThat(cut.dpo(TinyRun.stopAfter(1))).isEqualTo(RunStatus.STOPPED);
        stored("meanwhile").dpo();
        resumed.start = RunFolder.Start.RESUME;
        assertThat(resumed.dpo()).isEqualTo(RunStatus.FINISHED);
        assertThat(setting(resumed, "reference_logps").asText()).isEqualTo("live");
        assertThat(TinyRun.bits(resumed.output, 2)).isEqualTo(TinyRun.bits(whole.output, 2));
    }

    @Test
    void aRunIsResumedOnItsStoreThoughItHadToBeComputedAgain() throws IOException {
        stored("whole").dpo();
        assertThat(stored("cut").dpo(TinyRun.stopAfter(5))).isEqualTo(RunStatus.STOPPED);
        for (Path file : List.of(Path.of("manifest.json"), Path.of("logps.f32"))) {
            Files.delete(keys().getFirst().resolve(file));
        }
        TinyRun resumed = stored("cut");
        resumed.start = RunFolder.Start.RESUME;
        assertThat(resumed.dpo()).isEqualTo(RunStatus.FINISHED);
        assertThat(TinyRun.bits(resumed.output, 8)).isEqualTo(TinyRun.bits(folder.resolve("whole"), 8));
        assertThat(TinyRun.metrics(resumed.output)).isEqualTo(TinyRun.metrics(folder.resolve("whole")));
    }

    @Test
    void aRunOnTheModelIsNotResumedOnStoredLogps() throws IOException {
        run("cut", new ReferenceStorage.Live()).dpo(TinyRun.stopAfter(2));
        TinyRun resumed = stored("cut");
        resumed.start = RunFolder.Start.RESUME;
        assertThatThrownBy(resumed::dpo)
                .isInstanceOf(UserError.class)
                .hasMessageContaining("reference_logps (was live, is stored)");
    }

    @Test
    void aFolderThatIsAFileIsRefusedOrDoneWithout() throws IOException {
        Files.writeString(stores, "in the way");
        assertThatThrownBy(stored("refused")::dpo)
                .isInstanceOf(UserError.class)
                .hasMessageContaining("--reference-logps-dir " + stores + " cannot be written to");
        TinyRun without = auto("without");
        without.dpo();
        assertThat(setting(without, "reference_logps").asText()).isEqualTo("live");
    }

    @Test
    void theUsualFolderIsThatOfTheEnvironment() {
        assertThat(ReferenceStorage.usualFolder(Map.of("DPO4J_CACHE", "c", "XDG_CACHE_HOME", "x")))
                .isEqualTo(Path.of("c", "reference-logps"));
        assertThat(ReferenceStorage.usualFolder(Map.of("XDG_CACHE_HOME", "x")))
                .isEqualTo(Path.of("x", "dpo4j", "reference-logps"));
        assertThat(ReferenceStorage.usualFolder(Map.of()))
                .isEqualTo(Path.of(System.getProperty("user.home"), ".cache", "dpo4j", "reference-logps"));
    }
}
