package io.github.dpo4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.UserError;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** The formulas of transformers.optimization's get_*_schedule lambdas. */
class ScheduleTest {
    private static double[] factors(Schedule schedule, int steps) {
        return LongStream.range(0, steps).mapToDouble(schedule::factor).toArray();
    }

    @Test
    void linearRisesFromZeroOverTheWarmUpAndFallsToZero() {
        // 0/2, 1/2, then (6 - step) / (6 - 2).
        assertThat(factors(Schedule.named("linear", 2, 6), 7)).containsExactly(0, 0.5, 1, 0.75, 0.5, 0.25, 0);
    }

    @Test
    void withoutWarmUpTheFirstStepHasThePeak() {
        assertThat(factors(Schedule.named("linear", 0, 4), 4)).containsExactly(1, 0.75, 0.5, 0.25);
        assertThat(Schedule.named("cosine", 0, 4).factor(0)).isEqualTo(1);
        assertThat(Schedule.named("constant_with_warmup", 0, 4).factor(0)).isEqualTo(1);
    }

    @Test
    void cosineFallsOverHalfAPeriod() {
        // 0/2, 1/2, then (1 + cos(pi (step - 2) / 4)) / 2.
        double eighth = Math.sqrt(0.5);
        assertThat(factors(Schedule.named("cosine", 2, 6), 7))
                .containsExactly(new double[] {0, 0.5, 1, (1 + eighth) / 2, 0.5, (1 - eighth) / 2, 0}, within(1e-15));
    }

    @Test
    void constantSchedulesStayAtThePeak() {
        assertThat(factors(Schedule.named("constant", 0, 3), 3)).containsExactly(1, 1, 1);
        assertThat(factors(Schedule.named("constant_with_warmup", 2, 4), 4)).containsExactly(0, 0.5, 1, 1);
    }

    @Test
    void aWarmUpAsLongAsTheRunDividesByNothing() {
        assertThat(factors(Schedule.named("linear", 2, 2), 3)).containsExactly(0, 0.5, 0);
    }

    @Test
    void refusesUnknownNamesAndWarmUpsThatWouldBeIgnored() {
        assertThatThrownBy(() -> Schedule.named("polynomial", 0, 4))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("'polynomial' is unknown");
        assertThatThrownBy(() -> Schedule.named("constant", 1, 4))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("use constant_with_warmup");
        assertThatThrownBy(() -> Schedule.named("linear", 5, 4))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("warmup_steps is 5, more than the run's 4 steps");
    }
}
