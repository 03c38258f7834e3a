package io.github.dpo4j.recipe;

import io.github.dpo4j.torch.ComputeType;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A benchmark's result as text of fixed width. */
public record BenchTable(BenchResult result) {

    /** Returns the whole of it. */
    public String text() {
        return head() + "\n" + products() + "\n" + phases() + "\n" + tail();
    }

    private String head() {
        BenchSettings settings = result.settings();
        return format(
                """
                model       %s: %.1fM weights, %d layers of width %d
                computing   %s on %s, %d threads
                a step      %.0f pairs, %.0f packed tokens (%.0f with prompts counted twice), reference %s
                micro-batch up to %d packed tokens; %.0f a step
                counted     %d steps after %d to warm up; medians of them
                """,
                settings.model().getFileName(),
                result.weights() / 1e6,
                result.model().layers(),
                result.model().width(),
                settings.computeType().label(),
                settings.device().name(),
                result.threads(),
                result.pairs(),
                result.packedTokens(),
                result.sequenceTokens(),
                settings.liveReference() ? "live" : "stored",
                result.budget(),
                result.microBatches(),
                result.countedSteps().size(),
                settings.warmupSteps());
    }

    private String products() {
        List<ComputeType> types =
                result.peaks().stream().map(GemmPeaks.Peak::type).distinct().toList();
        StringBuilder lines = new StringBuilder(format("%-24s", "product, best GFLOP/s"));
        types.forEach(type -> lines.append(format("%12s", type.label())));
        result.peaks().stream()
                .map(GemmPeaks.Peak::shape)
                .distinct()
                .forEach(shape -> lines.append(
                                format("%n%-24s", shape.rows() + " x " + shape.inner() + " x " + shape.columns()))
                        .append(result.peaks().stream()
                                .filter(peak -> peak.shape().equals(shape))
                                .map(peak -> format("%12.1f", peak.flopsPerSecond() / 1e9))
                                .collect(Collectors.joining())));
        return lines.append(format("%n")).toString();
    }

    private String phases() {
        StringBuilder lines =
                new StringBuilder(format("%-12s%12s%12s%12s%12s%n", "phase", "seconds", "TFLOP", "GFLOP/s", "of peak"));
        for (Phase phase : Phase.values()) {
            lines.append(line(phase.label(), result.speed(phase)));
        }
        return lines.append(line("step", result.step())).toString();
    }

    private static String line(String label, BenchResult.Speed speed) {
        return speed.flops() == 0
                ? format("%-12s%12.4f%12s%12s%12s%n", label, speed.seconds(), "-", "-", "-")
                : format(
                        "%-12s%12.4f%12.4f%12.1f%11.1f%%%n",
                        label,
                        speed.seconds(),
                        speed.flops() / 1e12,
                        speed.flopsPerSecond() / 1e9,
                        100 * speed.shareOfPeak());
    }

    private String tail() {
        return format(
                """
                pairs a second              %.2f
                packed tokens a second      %.1f
                tokens a second, as TRL     %.1f
                peak memory                 %s
                %sJVM start to first step     %.2f s
                first step                  %.2f s
                """,
                result.pairsPerSecond(),
                result.packedTokensPerSecond(),
                result.sequenceTokensPerSecond(),
                result.peakMemory().isPresent() ? gibibytes(result.peakMemory().getAsLong()) : "unknown on this system",
                result.peakGpuMemory().isPresent()
                        ? format(
                                "peak memory of the GPU      %s%n",
                                gibibytes(result.peakGpuMemory().getAsLong()))
                        : "",
                result.startSeconds(),
                result.firstStepSeconds());
    }

    private static String gibibytes(long bytes) {
        return format("%.2f GiB", bytes / (double) (1 << 30));
    }

    @SuppressWarnings("AnnotateFormatMethod")
    private static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }
}
