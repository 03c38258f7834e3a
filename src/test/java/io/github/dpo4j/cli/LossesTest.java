package io.github.dpo4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.dpo4j.recipe.TinyRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every loss through the command line: its self-check passes and it trains. */
class LossesTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path folder;
    private Path data = Path.of("");

    LossesTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @BeforeEach
    void writeData() throws IOException {
        data = TinyRun.pairs(folder.resolve("pairs.jsonl"), TinyRun.PAIRS);
    }

    private List<JsonNode> run(String flags, String... more) throws IOException {
        Path output = folder.resolve("run" + Integer.toHexString(flags.hashCode()));
        List<String> command = new ArrayList<>(List.of(
                "dpo",
                "--model=" + TinyRun.golden("llama/policy"),
                "--dataset=" + data,
                "--output=" + output,
                "--dtype=float32",
                "--logging-steps=1",
                "--no-shuffle",
                "--max-steps=2",
                "--per-device-train-batch-size=5",
                "--learning-rate=1e-4",
                "--lr-scheduler-type=constant",
                "--reference-logps-dir=" + folder.resolve("stores")));
        if (flags.contains("simpo") || flags.contains("orpo") || flags.contains("sync") || flags.contains("free")) {
            command.removeLast();
        }
        command.addAll(List.of(flags.split(" ", -1)));
        Cli.run(command, more).isDone();
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(output.resolve("metrics.jsonl"))) {
            lines.add(JSON.readTree(line));
        }
        lastRun = output;
        return lines;
    }

    private Path lastRun = Path.of("");

    /** The loss of the first step, where policy = reference. */
    @ParameterizedTest
    @CsvSource({
        "--loss=sigmoid --label-smoothing=0.2, 0.693147",
        "--loss=hinge, 1",
        "--loss=ipo, 25",
        "--loss=ipo --ipo-reduction=sum --beta=0.5, 1",
        // ln 0.5 - (ln 0.999 + ln 0.001) / 2
        "--loss=exo_pair --label-smoothing=0.001, 2.761231",
        "--loss=nca_pair, 1.386294",
        "--loss=robust --label-smoothing=0.1, 0.693147",
        "--loss=bco_pair, 1.386294",
        "--loss=sppo_hard, 50",
        "--loss=aot, 0.693147",
        "--loss=aot_unpaired --label-smoothing=0.1, 0.693147",
        "--loss=aot --tokens-per-micro-batch=60, 0.693147",
        "--loss=apo_zero, 1",
        "--loss=apo_down, 1",
        "--loss=discopop, 0.846574",
        "--loss=discopop --discopop-tau=1, 0.846574",
        "--loss=sigmoid_norm --beta=2, 0.693147",
        "--loss=sigmoid --f-divergence=forward_kl, 0.693147",
        "--loss=hinge --f-divergence=js_divergence, 1",
        "--loss=sigmoid --f-divergence=alpha_divergence --f-alpha=0.3, 0.693147",
        "--loss=sigmoid --ld-alpha=0.5, 0.693147",
        "'--loss=sigmoid,bco_pair --loss-weights=2,0.5', 2.079442",
        "--loss=plackett_luce, 0.693147",
        "--sync-ref-model --ref-model-sync-steps=1, 0.693147"
    })
    void aLossBeginsWhereItsPaperSays(String flags, double first) throws IOException {
        List<JsonNode> lines = run(flags);
        assertThat(lines.getFirst().path("loss").asDouble()).isCloseTo(first, within(2e-6 * Math.max(1, first)));
        assertThat(lines.getFirst().path("rewards/accuracies").asDouble()).isZero();
        // Far above the noise of float32.
        assertThat(lines.get(1).path("loss").asDouble())
                .isNotCloseTo(lines.getFirst().path("loss").asDouble(), within(2e-5 * Math.max(1, first)));
        assertThat(lines.get(1).path("grad_norm").asDouble()).isPositive();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--loss=sft",
                "--loss=sigmoid,sft --f-divergence=js_divergence",
                "--loss=simpo --beta=2",
                "--loss=orpo --orpo-lambda=0.5",
                "--loss=simpo,sigmoid --reference-free",
                "--use-weighting",
                "--loss=ipo,sft --use-weighting --ld-alpha=0",
                "--use-weighting --reference-free"
            })
    void aLossWhoseStartDependsOnTheDataTrainsToo(String flags) throws IOException {
        List<JsonNode> lines = run(flags);
        assertThat(lines).hasSize(2);
        for (JsonNode line : lines) {
            assertThat(line.path("loss").asDouble()).isFinite().isPositive();
            assertThat(line.path("grad_norm").asDouble()).isFinite().isPositive();
        }
    }

    @Test
    void rankingsOfThreeNeedNoReference() throws IOException {
        data = Files.writeString(
                folder.resolve("rankings.jsonl"),
                "{\"prompt\":\"A dog\",\"completions\":[\" ran.\",\" sat down.\",\" slept\"]}\n".repeat(6));
        for (JsonNode line : run("--loss=plackett_luce --reference-free")) {
            assertThat(line.path("loss").asDouble()).isFinite().isPositive();
            assertThat(line.path("grad_norm").asDouble()).isFinite().isPositive();
        }
    }

    @Test
    void simpoAndOrpoLoadNoReference() throws IOException {
        for (String loss : List.of("simpo", "orpo")) {
            JsonNode line = run("--loss=" + loss).getFirst();
            assertThat(line.path("rewards/chosen").asDouble())
                    .isCloseTo(0.1 * line.path("logps/chosen").asDouble(), within(1e-5));
            JsonNode settings =
                    JSON.readTree(lastRun.resolve("run.json").toFile()).path("settings");
            assertThat(settings.path("reference_logps").asText()).isEqualTo("none");
            assertThat(settings.path("reference_model").asText()).isEqualTo("none");
        }
    }

    /** AOT sorts five pairs; the budget cuts the step in another place. */
    @Test
    void aotDoesNotDependOnTheTokensOfAMicroBatch() throws IOException {
        List<JsonNode> whole = run("--loss=aot,sft --tokens-per-micro-batch=4000");
        for (String tokens : List.of("1", "50", "90")) {
            List<JsonNode> cut = run("--loss=aot,sft --tokens-per-micro-batch=" + tokens);
            for (int i = 0; i < whole.size(); i++) {
                for (String metric : List.of("loss", "grad_norm", "rewards/margins", "logps/rejected")) {
                    double expected = whole.get(i).path(metric).asDouble();
                    assertThat(cut.get(i).path(metric).asDouble())
                            .as(metric)
                            .isCloseTo(expected, within(2e-5 * Math.max(1, Math.abs(expected))));
                }
            }
        }
    }

    @Test
    void theModelCardNamesEveryPaperAndTheRunEverySetting() throws IOException {
        run("--loss=sigmoid,hinge --loss-weights=1,2 --f-divergence=forward_kl --ld-alpha=0.25 --use-weighting"
                + " --sync-ref-model --ref-model-sync-steps=2");
        assertThat(Files.readString(lastRun.resolve("model/README.md")))
                .contains(
                        "Rafailov et al. 2023, Eq. 7; Zhao et al. 2023",
                        "f-DPO, Wang et al. 2023",
                        "LD-DPO, Liu et al. 2024",
                        "WPO, Zhou et al. 2024",
                        "TR-DPO, Gorbatovski et al. 2024");
        String settings = JSON.readTree(lastRun.resolve("run.json").toFile())
                .path("settings")
                .toString();
        assertThat(settings)
                .contains(
                        "\"f_divergence\":\"ForwardKl[]\"",
                        "\"ld_alpha\":\"0.25\"",
                        "\"use_weighting\":true",
                        "\"sync_ref_model\":true",
                        "\"ref_model_sync_steps\":2",
                        "\"ref_model_mixup_alpha\":0.6");
    }
}
