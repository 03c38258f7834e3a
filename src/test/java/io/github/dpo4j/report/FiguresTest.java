package io.github.dpo4j.report;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FiguresTest {
    @Test
    void numbersHaveFourSignificantDigitsAndNoTrailingZeros() {
        assertThat(Figures.shortForm(Math.log(2))).isEqualTo("0.6931");
        assertThat(Figures.shortForm(-150)).isEqualTo("-150");
        assertThat(Figures.shortForm(12_345)).isEqualTo("12340");
        assertThat(Figures.shortForm(0)).isEqualTo("0");
        assertThat(Figures.shortForm(0.1, 15)).isEqualTo("0.1");
    }

    @Test
    void tinyAndHugeNumbersHaveAnExponent() {
        assertThat(Figures.shortForm(5e-7)).isEqualTo("5e-7");
        assertThat(Figures.shortForm(-1.23456e-5)).isEqualTo("-1.235e-5");
        assertThat(Figures.shortForm(2.5e9)).isEqualTo("2.5e9");
        assertThat(Figures.shortForm(Double.NaN)).isEqualTo("n/a");
    }

    @Test
    void lengthsAndTimesAreInTheUnitThatSuitsThem() {
        assertThat(Figures.bytes(999)).isEqualTo("999 B");
        assertThat(Figures.bytes(1_500_000)).isEqualTo("1.5 MB");
        assertThat(Figures.seconds(45)).isEqualTo("45 s");
        assertThat(Figures.seconds(760)).isEqualTo("12 min 40 s");
        assertThat(Figures.seconds(7500)).isEqualTo("2 h 5 min");
    }
}
