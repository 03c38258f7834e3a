package io.github.dpo4j.batch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class BatchPlanTest {
    @Test
    void anEpochVisitsEachExampleOnceInAnOrderOfItsOwn() {
        BatchPlan plan = new BatchPlan(11, 4, true, 7);
        assertThat(plan.stepsPerEpoch()).isEqualTo(3); // of 4, 4 and 3

        int[] first = examples(plan, 0);
        int[] second = examples(plan, 1);

        assertThat(first).containsExactlyInAnyOrder(IntStream.range(0, 11).toArray());
        assertThat(second).containsExactlyInAnyOrder(IntStream.range(0, 11).toArray());
        assertThat(first).isNotEqualTo(second);
        assertThat(examples(new BatchPlan(11, 4, true, 7), 0)).isEqualTo(first);
        assertThat(examples(new BatchPlan(11, 4, true, 8), 0)).isNotEqualTo(first);
    }

    @Test
    void withoutShufflingTheOrderIsTheFiles() {
        assertThat(new BatchPlan(5, 2, false, 7).step(2)).containsExactly(4);
        assertThat(new BatchPlan(5, 2, false, 7).step(3)).containsExactly(0, 1);
    }

    @Test
    void sizesBeyondTheDataMakeOneStepOfAllOfIt() {
        // 65536 x 65536 is 0 in 32 bits.
        assertThat(new BatchPlan(3, 65536L * 65536, false, 0).step(5)).containsExactly(0, 1, 2);
    }

    private static int[] examples(BatchPlan plan, int epoch) {
        return IntStream.range(0, plan.stepsPerEpoch())
                .mapToObj(step -> plan.step((long) epoch * plan.stepsPerEpoch() + step))
                .flatMapToInt(Arrays::stream)
                .toArray();
    }

    @Test
    void allStepsAreThoseAskedForOneByOne() {
        for (boolean shuffle : new boolean[] {false, true}) {
            BatchPlan plan = new BatchPlan(7, 3, shuffle, 5);
            assertThat(plan.steps(8).toList())
                    .usingRecursiveComparison()
                    .isEqualTo(LongStream.range(0, 8).mapToObj(plan::step).toList());
        }
    }
}
