package io.github.dpo4j.recipe;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A smaller run of what {@code ./dpo4j quickstart} does, on the embedded model and data. */
class QuickstartTest {
    @TempDir
    private Path folder = Path.of("");

    @Test
    void alignmentRaisesHeldOutAccuracyAndHappinessOfOtherOpenings() throws IOException {
        Path output = folder.resolve("run");
        QuickstartSettings small = new QuickstartSettings(
                Path.of("models/stories15M"),
                Path.of("quickstart"),
                output,
                false,
                4,
                14,
                8,
                5e-5,
                6e-5,
                0.1,
                48,
                1,
                40,
                7,
                ComputeType.FLOAT32,
                Device.CPU);

        QuickstartResult result = new QuickstartRecipe(small, RunObserver.silent(), () -> false, Clock.systemUTC())
                .run()
                .orElseThrow();

        // Untrained, policy = reference and every held-out pair is a tie: accuracy 0, margin 0; a coin would reach 0.5.
        assertThat(result.accuracy()).isGreaterThan(0.6);
        assertThat(result.margin()).isPositive();
        assertThat(result.happinessAfterDpo()).isGreaterThan(result.happinessAfterSft() + 0.05);
        assertThat(result.happinessAfterSft()).isGreaterThan(0);
        assertThat(result.kl().mean()).isBetween(0.1, 60.0);
        assertThat(result.table()).contains("held-out reward accuracy", "KL to the reference");
        assertThat(Files.readString(output.resolve("report.html")))
                .contains("after SFT", "after DPO", "Early in the morning");
        assertThat(output.resolve("dpo/model/model.safetensors")).isRegularFile();
    }
}
