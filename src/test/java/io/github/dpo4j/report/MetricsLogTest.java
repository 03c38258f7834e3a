package io.github.dpo4j.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsLogTest {
    private static final MetricsLine FIRST = line(1, 0.6931471805599453);
    private static final MetricsLine SECOND = line(2, 1.0 / 3);
    private static final MetricsLine THIRD = line(3, Double.MIN_VALUE);

    @TempDir
    Path folder;

    private Path path;

    @BeforeEach
    void namesTheLog() {
        path = folder.resolve("metrics.jsonl");
    }

    private static MetricsLine line(long step, double loss) {
        return new MetricsLine("train", step, List.of(new Metric("loss", loss), new Metric("num_tokens", 512 * step)));
    }

    private void log(MetricsLine... lines) throws IOException {
        try (MetricsLog log = MetricsLog.create(path)) {
            for (MetricsLine line : lines) {
                log.append(line);
            }
        }
    }

    @Test
    void readsBackEveryBitOfWhatItWrote() throws IOException {
        log(FIRST, SECOND, THIRD);

        assertThat(MetricsLog.read(path)).containsExactly(FIRST, SECOND, THIRD);
    }

    @Test
    void keepsTheOrderAndWritesCountsAsIntegersAndNoNumberAsNull() throws IOException {
        log(new MetricsLine(
                "eval",
                7,
                List.of(
                        new Metric("rewards/margins", 1),
                        new Metric("loss", Double.NaN),
                        new Metric("grad_norm", Double.POSITIVE_INFINITY),
                        new Metric("num_tokens", 3_000_000_000.0),
                        new Metric("learning_rate", 5e-7))));

        assertThat(Files.readString(path))
                .isEqualTo("{\"split\":\"eval\",\"step\":7,\"rewards/margins\":1.0,\"loss\":null,\"grad_norm\":null,"
                        + "\"num_tokens\":3000000000,\"learning_rate\":5.0E-7}\n");
        assertThat(MetricsLog.read(path).getFirst().value("loss")).isNaN();
    }

    @Test
    void showsALineBeforeTheLogIsClosed() throws IOException {
        try (MetricsLog log = MetricsLog.create(path)) {
            log.append(FIRST);

            assertThat(MetricsLog.read(path)).containsExactly(FIRST);
            assertThat(log.position()).isEqualTo(Files.size(path));
        }
    }

    @Test
    void resumesAfterTheCheckpointAndForgetsWhatCameLater() throws IOException {
        long checkpoint;
        try (MetricsLog log = MetricsLog.create(path)) {
            log.append(FIRST);
            log.force();
            checkpoint = log.position();
            log.append(SECOND);
        }
        Files.writeString(path, "{\"split\":\"tr", StandardOpenOption.APPEND);

        try (MetricsLog log = MetricsLog.resumeAt(path, checkpoint)) {
            assertThat(log.position()).isEqualTo(checkpoint);
            log.append(THIRD);
        }

        assertThat(MetricsLog.read(path)).containsExactly(FIRST, THIRD);
    }

    @Test
    void resumesAtTheBeginning() throws IOException {
        log(FIRST, SECOND);

        MetricsLog.resumeAt(path, 0).close();

        assertThat(path).isEmptyFile();
    }

    @Test
    void refusesToResumeALogThatIsShorterThanTheCheckpointSays() throws IOException {
        log(FIRST);
        String before = Files.readString(path);

        assertThatThrownBy(() -> MetricsLog.resumeAt(path, 1000))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("1000");
        assertThat(path).hasContent(before);
    }

    @Test
    void refusesToResumeInTheMiddleOfALine() throws IOException {
        log(FIRST);
        String before = Files.readString(path);

        assertThatThrownBy(() -> MetricsLog.resumeAt(path, 5)).isInstanceOf(UserError.class);
        assertThat(path).hasContent(before);
    }

    @Test
    void refusesToResumeAMissingLog() {
        assertThatThrownBy(() -> MetricsLog.resumeAt(path, 0))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("missing");
    }

    @Test
    void readsPastAHalfWrittenLastLine() throws IOException {
        log(FIRST);
        Files.writeString(path, "{\"split\":\"train\",\"step\":2,\"lo", StandardOpenOption.APPEND);

        assertThat(MetricsLog.read(path)).containsExactly(FIRST);
    }

    @Test
    void namesTheLineThatIsBrokenInTheMiddle() throws IOException {
        log(FIRST);
        String first = Files.readString(path);

        for (String broken : List.of(
                "{\"split\":",
                "{}",
                "[]",
                "",
                first.strip() + first.strip(),
                "{\"split\":\"a\",\"step\":1,\"loss\":\"x\"}")) {
            Files.writeString(path, first + broken + "\n" + first);

            assertThatThrownBy(() -> MetricsLog.read(path))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("line 2");
        }
    }

    @Test
    void refusesALineThatHasAMetricTwice() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new MetricsLine("train", 1, List.of(new Metric("loss", 1), new Metric("loss", 2))));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new MetricsLine("train", 1, List.of(new Metric("step", 1))));
    }
}
