package io.github.dpo4j.model.fused;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dpo4j.model.Shapes;
import io.github.dpo4j.torch.ComputeType;
import org.junit.jupiter.api.Test;

/** The arithmetic on paper for SmolLM2-135M's shape. */
class FusedMemoryTest {
    private static FusedMemory backward(int vocabulary) {
        return new FusedMemory(
                Shapes.smolLm2(vocabulary), ComputeType.BFLOAT16, FusedMemory.AdapterWidths.NONE, true, false, 2);
    }

    /**
     * The head's is the most: ranges of 512 logits on two threads, their products, which with fewer scored tokens could have
     * 2048 rows, and four sums of [1024, 576].
     */
    @Test
    void manyScoredTokensTakeLogitsProductsAndSums() {
        long logits = 2 * 2 * 1024 * 512;
        long products = 2 * 2 * 2048 * 576;
        long sums = 4 * 4 * 1024 * 576;
        assertThat(backward(49152).beside(1024)).isEqualTo(logits + products + sums);
    }

    /** One example of 8192 tokens: scores of 256 queries of three heads on two threads, twice, and sums of three further pieces. */
    @Test
    void aLongExampleTakesScores() {
        long scores = 2L * 2 * 2 * 3 * 256 * 8192;
        long sums = 2L * 3 * 2 * 192 * 8192;
        assertThat(FusedAttention.bytes(Shapes.smolLm2(49152), 8192, true, 2, 2))
                .isEqualTo(scores + sums);
        assertThat(FusedAttention.bytes(Shapes.smolLm2(49152), 8192, false, 2, 2))
                .isEqualTo(scores / 2);
    }

    @Test
    void theVocabularyCostsNothing() {
        assertThat(backward(150_000).bytes(1024)).isEqualTo(backward(32_000).bytes(1024));
    }
}
