package io.github.dpo4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class StepsAheadTest {
    /** A micro-batch whose only example has the step's number. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Numbered(int[] examples) implements Objective.MicroBatch {
        @Override
        public Objective.Unread start(boolean backward) {
            throw new UnsupportedOperationException();
        }
    }

    private static List<Objective.MicroBatch> numbered(long step) {
        return List.of(new Numbered(new int[] {(int) step}));
    }

    @Test
    void stepsComeInOrderFromOneOtherThread() {
        Set<String> threads = ConcurrentHashMap.newKeySet();
        List<Integer> steps = new ArrayList<>();
        try (StepsAhead ahead = new StepsAhead(3, 40, step -> {
            threads.add(Thread.currentThread().getName());
            return numbered(step);
        })) {
            for (int step = 3; step <= 40; step++) {
                steps.add(ahead.next().getFirst().examples()[0]);
            }
        }
        assertThat(steps).hasSize(38).isSorted().startsWith(3).endsWith(40).doesNotHaveDuplicates();
        assertThat(threads).containsExactly("dpo4j-steps");
    }

    @Test
    void atMostTwoStepsAreAhead() {
        AtomicLong prepared = new AtomicLong();
        try (StepsAhead ahead = new StepsAhead(1, 100, step -> {
            prepared.set(step);
            return numbered(step);
        })) {
            for (int step = 1; step <= 50; step++) {
                assertThat(ahead.next().getFirst().examples()).containsExactly(step);
                assertThat(prepared.get()).isLessThanOrEqualTo(step + 2L);
            }
        }
        assertThat(prepared.get()).isBetween(50L, 52L);
    }

    @Test
    void whatPreparingThrewIsThrownInItsTurn() {
        try (StepsAhead ahead = new StepsAhead(1, 9, step -> {
            if (step == 2) {
                throw new IllegalStateException("step 2 is bad");
            }
            return numbered(step);
        })) {
            assertThat(ahead.next()).hasSize(1);
            assertThatThrownBy(ahead::next)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("step 2 is bad");
        }
    }

    @Test
    void closingEndsItsThread() throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        try (StepsAhead ahead = new StepsAhead(1, 9, step -> {
            threads.add(Thread.currentThread());
            return numbered(step);
        })) {
            ahead.next();
        }
        assertThat(threads).isNotEmpty();
        for (Thread thread : threads) {
            assertThat(thread.join(Duration.ofSeconds(10))).isTrue();
        }
    }
}
