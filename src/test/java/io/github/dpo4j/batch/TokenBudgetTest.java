package io.github.dpo4j.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dpo4j.UserError;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class TokenBudgetTest {
    private static List<int[]> packs(int budget, int[] step, long... tokens) {
        return new TokenBudget(budget).packs(step, example -> tokens[example]);
    }

    @Test
    void aStepThatFitsIsOnePackInItsOwnOrder() {
        assertThat(packs(12, new int[] {2, 0, 1}, 3, 4, 5)).containsExactly(new int[] {2, 0, 1});
    }

    @Test
    void fewPacksAreMadeAndTheyKeepTheStepsOrder() {
        // 6 + 4 and 5 + 3 + 2 fill two packs of 10; cut in order, the step would make three.
        assertThat(packs(10, new int[] {0, 1, 2, 3, 4}, 3, 6, 5, 4, 2))
                .containsExactly(new int[] {0, 2, 4}, new int[] {1, 3});
    }

    @Test
    void packsAreEven() {
        assertThat(packs(10, new int[] {0, 1, 2, 3}, 4, 3, 3, 2)).containsExactly(new int[] {0, 3}, new int[] {1, 2});
        // To the emptiest pack each, longest first, would be 5 + 3 + 3 in one: more than there may be.
        assertThat(packs(9, new int[] {0, 1, 2, 3, 4, 5, 6}, 5, 5, 4, 4, 3, 3, 3))
                .containsExactly(new int[] {0, 2}, new int[] {1, 3}, new int[] {4, 5, 6});
    }

    @Test
    void anExampleLongerThanTheBudgetIsAPackByItself() {
        assertThat(packs(10, new int[] {0, 1, 2}, 4, 25, 6)).containsExactly(new int[] {0, 2}, new int[] {1});
    }

    @Test
    void everyExampleIsInOnePackThatIsWithinTheBudget() {
        SplittableRandom random = new SplittableRandom(1);
        long[] tokens = random.longs(1000, 1, 400).toArray();
        int[] step = new int[tokens.length];
        Arrays.setAll(step, i -> (i * 7) % step.length);

        List<int[]> packs = packs(512, step, tokens);

        assertThat(packs.stream().flatMapToInt(Arrays::stream)).containsExactlyInAnyOrder(box(step));
        assertThat(packs)
                .allMatch(pack -> Arrays.stream(pack).mapToLong(i -> tokens[i]).sum() <= 512);
        // No packing has fewer packs than all tokens need; this one has at most a twentieth more.
        assertThat((double) packs.size())
                .isLessThan(1.05 * Arrays.stream(tokens).sum() / 512);
        assertThat(packs).usingRecursiveComparison().isEqualTo(packs(512, step, tokens));
    }

    private static Integer[] box(int[] numbers) {
        return Arrays.stream(numbers).boxed().toArray(Integer[]::new);
    }

    @Test
    void theChosenBudgetIsWhatHalfOfFreeMemoryHoldsWithinItsBounds() {
        assertThat(TokenBudget.choose(2 * 600 * 1000, 1000).tokens()).isEqualTo(512);
        assertThat(TokenBudget.choose(2 * 640 * 1000, 1000).tokens()).isEqualTo(640);
        assertThat(TokenBudget.choose(0, 1000).tokens()).isEqualTo(512);
        assertThat(TokenBudget.choose(Long.MAX_VALUE, 0).tokens()).isEqualTo(1024);
    }

    @Test
    void aBudgetOfNothingIsRefused() {
        assertThatThrownBy(() -> new TokenBudget(0))
                .isInstanceOf(UserError.class)
                .hasMessage("tokens_per_micro_batch is 0; it must be at least 1");
    }
}
