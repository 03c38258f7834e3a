package io.github.dpo4j.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.report.Chart.Point;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;

class CurveTest {
    private static List<Point> points(double... values) {
        List<Point> points = new ArrayList<>();
        for (double value : values) {
            points.add(new Point(points.size() + 1, value));
        }
        return points;
    }

    private static List<Point> wave(int size) {
        double[] values = new double[size];
        for (int i = 0; i < size; i++) {
            values[i] = Math.sin(i / 50.0);
        }
        return points(values);
    }

    @Test
    void thinningKeepsTheEndsAndEveryExtreme() {
        List<Point> points = wave(10_000);
        points.set(4321, new Point(4322, 99));
        points.set(8765, new Point(8766, -99));

        List<Point> thin = Curve.thin(points, 100);

        assertThat(thin)
                .hasSizeBetween(100, 202)
                .contains(points.getFirst(), points.getLast(), points.get(4321), points.get(8765))
                .isSortedAccordingTo(Comparator.comparingLong(Point::step))
                .doesNotHaveDuplicates();
    }

    @Test
    void thinningKeepsGapsWhereTheyWere() {
        List<Point> points = wave(1000);
        for (int i = 500; i < 600; i++) {
            points.set(i, new Point(i + 1, Double.NaN));
        }

        List<Point> gaps = Curve.thin(points, 100).stream()
                .filter(point -> Double.isNaN(point.value()))
                .toList();

        assertThat(gaps).hasSize(10).allMatch(point -> point.step() > 500 && point.step() <= 600);
    }

    @Test
    void thinningLeavesAShortLineAlone() {
        List<Point> points = wave(200);

        assertThat(Curve.thin(points, 100)).isEqualTo(points);
        assertThat(Curve.thin(points(1), 100)).isEqualTo(points(1));
        assertThat(Curve.thin(List.of(), 100)).isEmpty();
    }

    @Test
    void theMovingAverageKeepsTheFirstValueAndDoesNotEndOnOneNoisyPoint() {
        List<Point> average = Curve.movingAverage(points(9, 0, 3, 6, 0, 12), 1);

        // 9; (9 + 0 + 3) / 3; (0 + 3 + 6) / 3; (3 + 6 + 0) / 3; (6 + 0 + 12) / 3; (0 + 12) / 2
        assertThat(average.stream().map(Point::value)).containsExactly(9.0, 4.0, 3.0, 3.0, 6.0, 6.0);
    }

    @Test
    void theMovingAverageSkipsGapsAndKeepsThem() {
        List<Point> average = Curve.movingAverage(points(1, 2, Double.NaN, 4, Double.POSITIVE_INFINITY, 6), 1);

        assertThat(average.get(1).value()).isCloseTo(1.5, within(1e-12));
        assertThat(average.get(2).value()).isNaN();
        assertThat(average.get(3).value()).isEqualTo(4);
        assertThat(average.get(4).value()).isNaN();
    }

    @Test
    void aShortLineIsNotSmoothed() {
        assertThat(Curve.radiusFor(1)).isZero();
        assertThat(Curve.radiusFor(23)).isZero();
        assertThat(Curve.radiusFor(400)).isEqualTo(10);
    }
}
