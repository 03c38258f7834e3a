package io.github.dpo4j.report;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A line chart over optimizer steps.
 *
 * @param unit what the vertical axis counts, such as {@code nats}; empty where the number has none
 * @param explanation a sentence or two: what it shows, and what good looks like
 * @param baseline a level worth comparing with, or null
 * @param series at least one; those of the eval split are drawn on the same axes
 */
public record Chart(
        String title,
        String unit,
        String explanation,
        @Nullable Baseline baseline,
        List<Series> series) {
    public Chart {
        series = List.copyOf(series);
        if (series.isEmpty()) {
            throw new IllegalArgumentException("The chart " + title + " has no series.");
        }
    }

    /** What a line stands for, which decides its colour. */
    public enum Tone {
        MAIN,
        CHOSEN,
        REJECTED
    }

    /**
     * One line.
     *
     * @param noisy whether to draw it faintly below its moving average
     * @param points by rising step
     */
    public record Series(String name, Tone tone, String split, boolean noisy, List<Point> points) {
        public Series {
            points = List.copyOf(points);
        }
    }

    /** A value at a step; NaN is a gap in the line. */
    public record Point(long step, double value) {}

    /** A dashed level with its name. */
    public record Baseline(double value, String name) {}
}
