package io.github.dpo4j.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsWriterTest {
    private final Path path;

    MetricsWriterTest(@TempDir Path folder) {
        this.path = folder.resolve("metrics.jsonl");
    }

    private static MetricsLine line(long step) {
        return new MetricsLine("train", step, List.of(new Metric("loss", 1.0 / step)));
    }

    @Test
    void linesAreWrittenInTheOrderOfTheCallsAndForceTellsWhereTheNextBegins() throws IOException {
        try (MetricsWriter writer = new MetricsWriter(MetricsLog.create(path))) {
            for (long step = 1; step <= 500; step++) {
                writer.append(line(step));
            }
            assertThat(writer.force()).isEqualTo(Files.size(path));
            assertThat(MetricsLog.read(path)).hasSize(500);
            writer.append(line(501));
        }
        assertThat(MetricsLog.read(path))
                .isEqualTo(LongStream.rangeClosed(1, 501)
                        .mapToObj(MetricsWriterTest::line)
                        .toList());
    }

    @Test
    void aLineThatCannotBeWrittenEndsTheLogAndIsToldByTheNextCalls() throws IOException {
        MetricsLog log = MetricsLog.create(path);
        MetricsWriter writer = new MetricsWriter(log);
        writer.append(line(1));
        writer.force();
        log.close(); // as good as a full disk
        writer.append(line(2));
        assertThatThrownBy(writer::force)
                .isInstanceOf(IOException.class)
                .hasMessageContaining(path + " cannot be written");
        assertThatThrownBy(() -> writer.append(line(3))).hasMessageContaining(path + " cannot be written");
        assertThatThrownBy(writer::close).hasMessageContaining(path + " cannot be written");
        assertThat(MetricsLog.read(path)).containsExactly(line(1));
    }

    @Test
    void anErrorThatIsUnderWayWhenTheWriterFailsTooIsTheOneThatIsThrown() throws IOException {
        MetricsLog log = MetricsLog.create(path);
        assertThatThrownBy(() -> {
                    try (MetricsWriter writer = new MetricsWriter(log)) {
                        log.close();
                        writer.append(line(1));
                        writer.force();
                    }
                })
                .isInstanceOf(IOException.class)
                .hasMessageContaining("cannot be written")
                .satisfies(e -> assertThat(e.getSuppressed()).hasSize(1));
    }
}
