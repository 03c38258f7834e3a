package io.github.dpo4j.batch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BatchPlanTest {
    @Test
    void anEpochVisitsEachExampleOnceInAnOrderOfItsOwn() {
        BatchPlan plan = new BatchPlan(11, 2, 2, true, 7);
        assertThat(plan.stepsPerEpoch()).isEqualTo(3); // 6 micro-batches, 2 a step

        int[] first = examples(plan, 0);
        int[] second = examples(plan, 1);

        assertThat(first).containsExactlyInAnyOrder(IntStream.range(0, 11).toArray());
        assertThat(second).containsExactlyInAnyOrder(IntStream.range(0, 11).toArray());
        assertThat(first).isNotEqualTo(second);
        assertThat(examples(new BatchPlan(11, 2, 2, true, 7), 0)).isEqualTo(first);
        assertThat(examples(new BatchPlan(11, 2, 2, true, 8), 0)).isNotEqualTo(first);
    }

    @Test
    void withoutShufflingTheOrderIsTheFiles() {
        assertThat(new BatchPlan(5, 2, 1, false, 7).step(2)).containsExactly(new int[] {4});
        assertThat(new BatchPlan(5, 2, 1, false, 7).step(3)).containsExactly(new int[] {0, 1});
    }

    @Test
    void sizesBeyondTheDataMakeOneStepOfAllOfIt() {
        // 65536 x 65536 is 0 in 32 bits.
        List<int[]> step = new BatchPlan(3, 65536, 65536, false, 0).step(5);
        assertThat(step).containsExactly(new int[] {0, 1, 2});
    }

    private static int[] examples(BatchPlan plan, int epoch) {
        return IntStream.range(0, plan.stepsPerEpoch())
                .mapToObj(step -> plan.step((long) epoch * plan.stepsPerEpoch() + step))
                .flatMap(List::stream)
                .flatMapToInt(Arrays::stream)
                .toArray();
    }
}
