package io.github.dpo4j.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunManifestTest {
    private static final Clock BEGIN = clock("2026-03-04T05:06:07.891Z");
    private static final Clock END = clock("2026-03-04T05:18:00Z");

    @TempDir
    Path folder;

    static Clock clock(String instant) {
        return Clock.fixed(Instant.parse(instant), ZoneOffset.UTC);
    }

    /** A run that has just begun, with these settings. */
    static RunManifest begun(Setting... settings) {
        return RunManifest.started(
                "dpo",
                List.of(settings),
                new RunEnvironment("0.1.0", "25.0.1", "Linux amd64", "cpu", "A <fast> processor", 4, "2.10.0"),
                List.of(new RunManifest.Seed("seed", 42)),
                List.of(new HashedFile("dataset", "data/pairs.jsonl", 1500, "ab".repeat(32))),
                BEGIN);
    }

    @Test
    void readsBackARunThatIsRunningAndOneThatEnded() throws IOException {
        Path path = folder.resolve("run.json");
        RunManifest running = begun(Setting.of("model", "org/name"), Setting.of("beta", 0.1), Setting.of("chat", true));
        running.write(path);
        assertThat(RunManifest.read(path)).isEqualTo(running);

        RunManifest stopped = running.ended(RunStatus.STOPPED, List.of(new Metric("loss", 0.25)), END);
        stopped.write(path);
        assertThat(RunManifest.read(path)).isEqualTo(stopped);
    }

    @Test
    void writesTheSameTextEverywhereInTheSettingsOrder() {
        RunManifest run = begun(Setting.of("model", "org/name"), Setting.of("beta", 0.1))
                .ended(RunStatus.FINISHED, List.of(new Metric("loss", Double.NaN)), END);

        assertThat(run.toJson())
                .isEqualTo(run.toJson())
                .startsWith("""
                        {
                          "command" : "dpo",
                          "status" : "finished",
                          "started_at" : "2026-03-04T05:06:07Z",
                          "finished_at" : "2026-03-04T05:18:00Z",
                          "environment" : {
                            "dpo4j" : "0.1.0",
                        """)
                .contains("""
                          "settings" : {
                            "model" : "org/name",
                            "beta" : 0.1
                          },
                        """)
                .contains("\"loss\" : null")
                .endsWith("}\n")
                .doesNotContain("\r");
    }

    @Test
    void neverCarriesASecret() throws IOException {
        ObjectMapper json = new ObjectMapper();
        RunManifest run = begun(
                Setting.of("token", "hush"),
                Setting.of("HF_TOKEN", "hush"),
                Setting.of("judge_api_key", "hush"),
                Setting.of("endpoint", "https://me:hush@example.org/v1"),
                new Setting("judge", json.readTree("{\"model\":\"m\",\"headers\":[{\"api-key\":\"hush\"}]}")));

        assertThat(run.toJson()).doesNotContain("hush").contains("https://example.org/v1", "\"model\" : \"m\"");
    }

    @Test
    void keepsSettingsThatOnlySoundLikeSecrets() {
        RunManifest run = begun(Setting.of("max_new_tokens", 128), Setting.of("pad_token", "<pad>"));

        assertThat(run.toJson()).contains("128", "<pad>");
    }

    @Test
    void refusesASettingGivenTwice() {
        assertThatIllegalArgumentException().isThrownBy(() -> begun(Setting.of("beta", 0.1), Setting.of("beta", 0.2)));
    }

    @Test
    void refusesAFileThatIsNoRunManifest() throws IOException {
        Path path = folder.resolve("run.json");
        for (String text : List.of("", "{}", "[1", "{\"command\":\"dpo\",\"status\":\"asleep\"}")) {
            Files.writeString(path, text);
            assertThatThrownBy(() -> RunManifest.read(path))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("run.json");
        }
    }

    @Test
    void hashesAFileAsSha256sumDoes() throws IOException {
        Path path = Files.writeString(folder.resolve("abc"), "abc");

        // printf abc | sha256sum
        assertThat(HashedFile.of("dataset", path))
                .isEqualTo(new HashedFile(
                        "dataset",
                        path.toString(),
                        3,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    }
}
