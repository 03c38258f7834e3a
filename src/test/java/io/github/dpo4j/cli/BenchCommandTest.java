package io.github.dpo4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.dpo4j.recipe.TinyRun;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchCommandTest {
    private static final List<String> PHASES = List.of("reference", "forward", "backward", "optimizer", "host");

    private static List<String> args(String... more) {
        List<String> args = new ArrayList<>(List.of(
                "bench",
                "--model=" + TinyRun.golden("llama/policy"),
                "--steps=3",
                "--warmup-steps=1",
                "--dtype=float32",
                "--threads=1"));
        args.addAll(List.of(more));
        return args;
    }

    @Test
    void printsPhasesAndWritesNumbersThatAddUp(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("bench.json");
        Cli bench = Cli.run(args("--output=" + file));
        bench.isDone();
        assertThat(bench.out()).contains(PHASES).contains("2048 x 2048 x 2048", "of peak", "pairs a second");

        JsonNode json = new ObjectMapper().readTree(file.toFile());
        // 4 pairs of 120 + 40 + 50 tokens.
        assertThat(json.path("steps")).hasSize(2).allSatisfy(step -> {
            assertThat(step.path("packed_tokens").asLong()).isEqualTo(840);
            assertThat(step.path("tokens").asLong()).isEqualTo(1320);
            double sum = 0;
            for (String phase : PHASES) {
                sum += step.path("phase_seconds").path(phase).asDouble();
            }
            assertThat(step.path("seconds").asDouble()).isPositive().isCloseTo(sum, within(1e-9));
        });
        double flops = 0;
        for (JsonNode phase : json.path("phases")) {
            flops += phase.path("flop").asDouble();
        }
        JsonNode step = json.path("step");
        assertThat(step.path("flop").asDouble()).isPositive().isEqualTo(flops);
        double rate = step.path("flop_per_second").asDouble();
        assertThat(rate * step.path("seconds").asDouble()).isCloseTo(flops, within(1.0));
        assertThat(step.path("share_of_peak").asDouble())
                .isCloseTo(rate / json.path("peak_flop_per_second").asDouble(), within(1e-9));
        assertThat(json.path("pairs_per_second").asDouble()
                        * step.path("seconds").asDouble())
                .isCloseTo(4, within(1e-9));
        assertThat(json.path("start_seconds").asDouble()).isPositive();
    }

    @Test
    void refusesLengthsThatWouldBeIgnored() {
        Cli.run(args("--max-length=64")).isMistake("--max-length is for --dataset");
        Cli.run(args("--dataset=x.jsonl", "--prompt-tokens=5")).isMistake("--prompt-tokens", "not for --dataset");
        Cli.run(args("--reference-logps=cached")).isMistake("--reference-logps cached", "live or stored");
    }
}
