package io.github.dpo4j.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.report.Chart.Baseline;
import io.github.dpo4j.report.Chart.Point;
import io.github.dpo4j.report.Chart.Series;
import io.github.dpo4j.report.Chart.Tone;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Turns a chart into the figure that the page shows and the data that report.js draws. */
final class ChartHtml {
    /** A chart is about 450 pixels wide; more buckets than this would not be seen. */
    private static final int BUCKETS = 300;

    /** A millionth of a value is far below a pixel; all digits would double the file. */
    private static final int DIGITS = 6;

    private ChartHtml() {}

    /** Returns the figure; the canvas is empty until report.js finds the data by the figure's place in the page. */
    static String figure(Chart chart) {
        String unit =
                chart.unit().isEmpty() ? "" : " <span class=\"unit\">" + HtmlText.escape(chart.unit()) + "</span>";
        return """
                <figure class="chart card">
                <figcaption><h3>%s%s</h3>%s</figcaption>
                <div class="plot"><canvas role="img" aria-label="%s"></canvas></div>
                <p class="why">%s</p>
                </figure>
                """.formatted(
                        HtmlText.escape(chart.title()),
                        unit,
                        legend(chart),
                        HtmlText.escape(inWords(chart)),
                        HtmlText.escape(chart.explanation()));
    }

    /** Names the lines' colours; where a chart has several metrics, all their eval lines share one entry. */
    private static String legend(Chart chart) {
        boolean oneMetric = oneMetric(chart);
        Set<String> entries = new LinkedHashSet<>();
        for (Series series : chart.series()) {
            boolean train = series.split().equals(MetricsLine.TRAIN);
            entries.add(
                    oneMetric || train
                            ? entry(tone(series.tone()) + " " + line(series), label(chart, series))
                            : entry("any " + line(series), series.split()));
        }
        if (chart.baseline() != null) {
            entries.add(entry("level", chart.baseline().name()));
        }
        return entries.size() == 1 ? "" : "<ul class=\"legend\">" + String.join("", entries) + "</ul>";
    }

    private static String entry(String looks, String name) {
        return "<li><i class=\"swatch %s\"></i>%s</li>".formatted(looks, HtmlText.escape(name));
    }

    private static boolean oneMetric(Chart chart) {
        return chart.series().stream().map(Series::name).distinct().count() == 1;
    }

    /** What a series is called: by its metric where the chart has several, by its split where that tells it apart. */
    private static String label(Chart chart, Series series) {
        if (oneMetric(chart)) {
            return series.split();
        }
        return series.split().equals(MetricsLine.TRAIN) ? series.name() : series.name() + ", " + series.split();
    }

    /** Describes the chart to who cannot see it. */
    private static String inWords(Chart chart) {
        return chart.series().stream()
                .map(series -> label(chart, series) + ends(series))
                .collect(Collectors.joining("; ", chart.title() + " by step. ", "."));
    }

    private static String ends(Series series) {
        List<Point> seen = series.points().stream()
                .filter(point -> Double.isFinite(point.value()))
                .toList();
        if (seen.isEmpty()) {
            return ": no values";
        }
        Point first = seen.getFirst();
        Point last = seen.getLast();
        String end = Figures.shortForm(last.value()) + " at step " + last.step();
        return seen.size() == 1
                ? ": " + end
                : " from " + Figures.shortForm(first.value()) + " at step " + first.step() + " to " + end;
    }

    private static String tone(Tone tone) {
        return switch (tone) {
            case MAIN -> "main";
            case CHOSEN -> "chosen";
            case REJECTED -> "rejected";
        };
    }

    private static String line(Series series) {
        return series.split().equals(MetricsLine.TRAIN) ? "solid" : "dashed";
    }

    /** Returns what report.js needs of the chart. */
    static ObjectNode data(Chart chart) {
        ObjectNode data = JsonNodeFactory.instance.objectNode();
        Baseline baseline = chart.baseline();
        if (baseline != null) {
            data.put("baseline", baseline.value());
        }
        ArrayNode all = data.putArray("series");
        for (Series series : chart.series()) {
            List<Point> points = series.points();
            ObjectNode node = all.addObject();
            node.put("label", label(chart, series));
            node.put("tone", tone(series.tone()));
            node.put("line", line(series));
            node.set("points", points(Curve.thin(points, BUCKETS)));
            int radius = series.noisy() ? Curve.radiusFor(points.size()) : 0;
            if (radius > 0) {
                node.set("average", points(Curve.thin(Curve.movingAverage(points, radius), BUCKETS)));
            }
        }
        return data;
    }

    private static ArrayNode points(List<Point> points) {
        ArrayNode flat = JsonNodeFactory.instance.arrayNode();
        for (Point point : points) {
            flat.add(point.step());
            if (Double.isFinite(point.value())) {
                flat.add(Figures.rounded(point.value(), DIGITS).doubleValue());
            } else {
                flat.addNull();
            }
        }
        return flat;
    }
}
