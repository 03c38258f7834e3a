package io.github.dpo4j.report;

import io.github.dpo4j.report.Chart.Baseline;
import io.github.dpo4j.report.Chart.Point;
import io.github.dpo4j.report.Chart.Series;
import io.github.dpo4j.report.Chart.Tone;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Picks the metrics it knows from metrics.jsonl and makes a chart of each, with the eval split on the same axes. */
public final class TrainingCharts {
    private static final boolean NOISY = true;
    private static final boolean EXACT = false;

    private static final Known SFT_LOSS = new Known(
            "Loss",
            "nats a token",
            "Mean negative log-likelihood of the completions' tokens. Lower is better; an eval loss that turns upwards"
                    + " means overfitting.",
            null,
            NOISY,
            List.of(new Line("loss", "loss", Tone.MAIN)));
    private static final Known PREFERENCE_LOSS = new Known(
            "Loss",
            "",
            "How badly the policy tells chosen from rejected. Lower is better, on the eval split too; the sigmoid loss"
                    + " starts at log 2 = 0.693.",
            null,
            NOISY,
            List.of(new Line("loss", "loss", Tone.MAIN)));

    /** All but the loss, in reading order. */
    private static final List<Known> KNOWN = List.of(
            new Known(
                    "Token accuracy",
                    "share of tokens",
                    "Share of the completions' tokens that the model would have picked first. It should rise with the"
                            + " falling loss.",
                    null,
                    NOISY,
                    List.of(new Line("mean_token_accuracy", "accuracy", Tone.MAIN))),
            new Known(
                    "Reward margin",
                    "",
                    "Implicit reward of the chosen completion minus that of the rejected one. A good run rises from 0"
                            + " and levels off.",
                    new Baseline(0, "no preference"),
                    NOISY,
                    List.of(new Line("rewards/margins", "margin", Tone.MAIN))),
            new Known(
                    "Reward accuracy",
                    "share of pairs",
                    "Share of pairs whose chosen completion has the higher implicit reward. Above one half beats"
                            + " chance; 1.0 on train alone is memorising.",
                    new Baseline(0.5, "chance"),
                    NOISY,
                    List.of(new Line("rewards/accuracies", "accuracy", Tone.MAIN))),
            new Known(
                    "Implicit rewards",
                    "",
                    "Beta times the log-ratio of policy to reference. The lines should part. Both sinking is common;"
                            + " a steep fall calls for a higher beta or a lower learning rate.",
                    new Baseline(0, "reference"),
                    NOISY,
                    List.of(
                            new Line("rewards/chosen", "chosen", Tone.CHOSEN),
                            new Line("rewards/rejected", "rejected", Tone.REJECTED))),
            new Known(
                    "Log-probabilities",
                    "nats",
                    "Summed over a completion's tokens, under the policy. If chosen falls as fast as rejected, the"
                            + " policy is leaving both behind.",
                    null,
                    NOISY,
                    List.of(
                            new Line("logps/chosen", "chosen", Tone.CHOSEN),
                            new Line("logps/rejected", "rejected", Tone.REJECTED))),
            new Known(
                    "Learning rate",
                    "",
                    "The schedule as it ran. It should look as you planned it: warm-up, then decay.",
                    null,
                    EXACT,
                    List.of(new Line("learning_rate", "learning rate", Tone.MAIN))),
            new Known(
                    "Gradient norm",
                    "",
                    "Before clipping. Steady is good; spikes that grow call for a lower learning rate or more warm-up.",
                    null,
                    NOISY,
                    List.of(new Line("grad_norm", "norm", Tone.MAIN))),
            new Known(
                    "Pairs per second",
                    "pairs/s",
                    "Over whole steps: reference, forward, backward and optimizer. Flat is good; a decline hints at a"
                            + " leak or a hot machine.",
                    null,
                    NOISY,
                    List.of(new Line("pairs_per_second", "speed", Tone.MAIN))),
            new Known(
                    "Rankings per second",
                    "rankings/s",
                    "Over whole steps: reference, forward, backward and optimizer. Flat is good; a decline hints at a"
                            + " leak or a hot machine.",
                    null,
                    NOISY,
                    List.of(new Line("rankings_per_second", "speed", Tone.MAIN))),
            new Known(
                    "Tokens per second",
                    "tokens/s",
                    "Over whole steps. It wavers with the length of the examples; the average should stay flat.",
                    null,
                    NOISY,
                    List.of(new Line("tokens_per_second", "speed", Tone.MAIN))));

    private TrainingCharts() {}

    /** A metric that a chart draws, and its name in the chart's legend. */
    private record Line(String metric, String name, Tone tone) {}

    /** A chart that is drawn where its metrics occur. */
    private record Known(
            String title,
            String unit,
            String explanation,
            @Nullable Baseline baseline,
            boolean noisy,
            List<Line> lines) {
        Optional<Chart> chart(List<MetricsLine> logged) {
            List<Series> series = new ArrayList<>();
            for (String split : List.of(MetricsLine.TRAIN, MetricsLine.EVAL)) {
                for (Line line : lines) {
                    List<Point> points = points(logged, split, line.metric());
                    if (points.stream().anyMatch(point -> Double.isFinite(point.value()))) {
                        boolean smoothed = noisy && split.equals(MetricsLine.TRAIN);
                        series.add(new Series(line.name(), line.tone(), split, smoothed, points));
                    }
                }
            }
            return series.isEmpty()
                    ? Optional.empty()
                    : Optional.of(new Chart(title, unit, explanation, baseline, series));
        }
    }

    /** Returns the charts in reading order; metrics that never occur get none, so SFT and DPO need no telling apart. */
    public static List<Chart> of(List<MetricsLine> logged) {
        boolean preferences = logged.stream().anyMatch(line -> line.has("rewards/margins"));
        List<Chart> charts = new ArrayList<>();
        (preferences ? PREFERENCE_LOSS : SFT_LOSS).chart(logged).ifPresent(charts::add);
        for (Known known : KNOWN) {
            known.chart(logged).ifPresent(charts::add);
        }
        return List.copyOf(charts);
    }

    /** Returns these charts under a title, with a sentence on how to read their lines. */
    public static Report.Section section(String title, List<MetricsLine> logged) {
        return new Report.Section(
                title,
                "Faint lines are single log lines, bold ones their moving average; dashed lines are the eval split.",
                of(logged));
    }

    private static List<Point> points(List<MetricsLine> logged, String split, String metric) {
        return logged.stream()
                .filter(line -> line.split().equals(split) && line.has(metric))
                .map(line -> new Point(line.step(), line.value(metric)))
                .sorted(Comparator.comparingLong(Point::step))
                .toList();
    }
}
