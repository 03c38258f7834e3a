package io.github.dpo4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.data.Origin;
import io.github.dpo4j.text.TokenizedPair;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class DecoderFlopsTest {
    /** Width 8, 2 layers, 4 heads of width 3 that share 2 key-value heads, MLP width 10, vocabulary 20. */
    private static DecoderSettings tiny(DecoderSettings.MlpKind mlp) {
        return Shapes.llama(20, 8, 2, 4, 2, 3, 10, mlp);
    }

    private static TokenizedPair pair(int prompt, int chosen, int rejected) {
        return new TokenizedPair(new Origin(Path.of("none"), 1), new int[prompt], new int[chosen], new int[rejected]);
    }

    private static PackedTokens pack(TokenizedPair... pairs) {
        return PreferenceBatch.of(List.of(pairs)).tokens();
    }

    @Test
    void aTokenGoesThroughEveryMatrixOfALayer() {
        // q 8 x 12, k and v 8 x 6 each, o 12 x 8: 288 elements; gate, up, down of 80 each: 240. Two layers, two
        // operations.
        assertThat(new DecoderFlops(tiny(DecoderSettings.MlpKind.GATED)).layers(1))
                .isEqualTo(2 * 2 * (288 + 240));
        assertThat(new DecoderFlops(tiny(DecoderSettings.MlpKind.PLAIN)).layers(5))
                .isEqualTo(5 * 2 * 2 * (288 + 160));
    }

    @Test
    void theRejectedCompletionSeesThePromptAndItself() {
        // Prompt and chosen: 1 + 2 + 3 + 4 + 5 = 15 keys. Rejected: 4 tokens that see 3 of the prompt, and 1 + 2 + 3 +
        // 4.
        long keys = 15 + 4 * 3 + 10;
        // Scores and reads, 2 operations each, over 4 heads of width 3, in 2 layers.
        assertThat(new DecoderFlops(tiny(DecoderSettings.MlpKind.GATED)).attention(pack(pair(3, 2, 4))))
                .isEqualTo(2 * 2 * keys * 4 * 3 * 2);
    }

    @Test
    void onlyScoredTokensGoThroughTheHead() {
        DecoderFlops flops = new DecoderFlops(tiny(DecoderSettings.MlpKind.GATED));
        PackedTokens pack = pack(pair(3, 2, 4));
        assertThat(flops.head(1)).isEqualTo(2 * 8 * 20);
        // 9 packed tokens, 6 of them scored.
        assertThat(flops.forward(pack)).isEqualTo(flops.layers(9) + flops.attention(pack) + flops.head(6));
    }

    @Test
    void aSharedPromptCountsOnceAndPairsAddUp() {
        DecoderFlops flops = new DecoderFlops(tiny(DecoderSettings.MlpKind.GATED));
        TokenizedPair pair = pair(30, 2, 4);
        assertThat(flops.forward(pack(pair, pair))).isEqualTo(2 * flops.forward(pack(pair)));
        assertThat(flops.forward(PreferenceBatch.withoutSharing(List.of(pair)).tokens()))
                // A second prompt of 30 tokens, each of which sees what stands before it and itself.
                .isEqualTo(flops.forward(pack(pair)) + flops.layers(30) + 2 * 2 * (30 * 31 / 2) * 4 * 3 * 2);
    }

    @Test
    void aPairOnALlamaOf135MillionWeightsIsATwentiethOfATeraflop() {
        DecoderSettings llama = Shapes.smolLm2(49152);
        PackedTokens pack = pack(pair(120, 40, 50));
        // 210 tokens x 2 x 30 x 3,538,944 elements = 44.59e9; 20,155 keys x 4 x 576 x 30 = 1.39e9; 90 x 2 x 576 x 49152
        // = 5.10e9.
        assertThat(new DecoderFlops(llama).forward(pack)).isEqualTo(44_590_694_400L + 1_393_113_600L + 5_096_079_360L);
        assertThat(new DecoderFlops(llama).backward(pack)).isEqualTo(2 * new DecoderFlops(llama).forward(pack));
    }
}
