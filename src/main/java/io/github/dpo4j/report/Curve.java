package io.github.dpo4j.report;

import io.github.dpo4j.report.Chart.Point;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** Makes lines of many points fit to be drawn. */
final class Curve {
    private Curve() {}

    /**
     * Returns at most about 3 x {@code buckets} of the points, which draw the same picture: of each bucket of neighbours
     * the lowest, the highest and the first gap, and the line's two ends. Short lines come back as they are.
     */
    static List<Point> thin(List<Point> points, int buckets) {
        if (points.size() <= 2 * buckets) {
            return points;
        }
        TreeSet<Integer> kept = new TreeSet<>(List.of(0, points.size() - 1));
        for (int bucket = 0; bucket < buckets; bucket++) {
            int from = Math.toIntExact((long) points.size() * bucket / buckets);
            int to = Math.toIntExact((long) points.size() * (bucket + 1) / buckets);
            int lowest = -1;
            int highest = -1;
            int gap = -1;
            for (int i = from; i < to; i++) {
                double value = points.get(i).value();
                if (!Double.isFinite(value)) {
                    gap = gap < 0 ? i : gap;
                } else {
                    lowest = lowest < 0 || value < points.get(lowest).value() ? i : lowest;
                    highest = highest < 0 || value > points.get(highest).value() ? i : highest;
                }
            }
            List.of(lowest, highest, gap).stream().filter(i -> i >= 0).forEach(kept::add);
        }
        return kept.stream().map(points::get).toList();
    }

    /**
     * Returns the mean of each point and its {@code radius} neighbours on either side. At the start it takes only as many
     * as there are on the left, so that the first value (the untrained model's) stays; at the end it takes those there
     * are, so that the last value is not one noisy point. Gaps stay gaps and do not count.
     */
    static List<Point> movingAverage(List<Point> points, int radius) {
        int size = points.size();
        // Running sums make it linear; the curve is for the eye, so their rounding does not matter.
        double[] sums = new double[size + 1];
        int[] counts = new int[size + 1];
        for (int i = 0; i < size; i++) {
            double value = points.get(i).value();
            boolean finite = Double.isFinite(value);
            sums[i + 1] = sums[i] + (finite ? value : 0);
            counts[i + 1] = counts[i] + (finite ? 1 : 0);
        }
        List<Point> averaged = new ArrayList<>(size);
        for (int i = 0; i < size; i++) {
            int reach = Math.min(radius, i);
            int from = i - reach;
            int to = Math.min(size, i + reach + 1);
            boolean finite = Double.isFinite(points.get(i).value());
            double mean = finite ? (sums[to] - sums[from]) / (counts[to] - counts[from]) : Double.NaN;
            averaged.add(new Point(points.get(i).step(), mean));
        }
        return averaged;
    }

    /** Returns the radius that suits a line of this many points; 0 where it is too short to be worth smoothing. */
    static int radiusFor(int points) {
        return points < 24 ? 0 : Math.max(2, points / 40);
    }
}
