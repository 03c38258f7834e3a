package io.github.dpo4j.report;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * One line of metrics.jsonl: what was measured at a step.
 *
 * @param split {@code train} or {@code eval}
 * @param step optimizer steps done, from 0 (before training)
 * @param metrics in the order in which the file shows them; each name once
 */
public record MetricsLine(String split, long step, List<Metric> metrics) {
    public static final String TRAIN = "train";
    public static final String EVAL = "eval";

    public MetricsLine {
        metrics = List.copyOf(metrics);
        if (step < 0) {
            throw new IllegalArgumentException("step is " + step + "; it must be at least 0.");
        }
        Set<String> names = new HashSet<>(List.of("split", "step"));
        for (Metric metric : metrics) {
            if (!names.add(metric.name())) {
                throw new IllegalArgumentException("The metric " + metric.name() + " occurs twice in one line.");
            }
        }
    }

    /** Whether the line has this metric, be it a number or not. */
    public boolean has(String name) {
        return metrics.stream().anyMatch(metric -> metric.name().equals(name));
    }

    /** Returns the metric's value, or NaN where the line does not have it. */
    public double value(String name) {
        for (Metric metric : metrics) {
            if (metric.name().equals(name)) {
                return metric.value();
            }
        }
        return Double.NaN;
    }
}
