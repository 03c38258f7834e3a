package io.github.dpo4j.logprob;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.text.TokenizedPair;
import io.github.dpo4j.text.TokenizedRanking;
import io.github.dpo4j.torch.TensorScope;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A prompt that three and four completions share, some of them with windowed attention, goes backward by hand as by autograd. */
class RankingBackwardTest {
    @ParameterizedTest
    @MethodSource("io.github.dpo4j.golden.Golden#families")
    void logpsAndGradientsAreAutograds(String family) throws IOException {
        List<TokenizedPair> pairs = Golden.of(family).pairs();
        List<TokenizedRanking> rankings = new ArrayList<>();
        for (int completions = 3; completions <= 4; completions++) {
            TokenizedPair first = pairs.get(completions);
            List<int[]> ranked = new ArrayList<>();
            for (int rank = 0; rank < completions; rank++) {
                TokenizedPair from = pairs.get(completions + rank);
                ranked.add(rank % 2 == 0 ? from.chosenIds() : from.rejectedIds());
            }
            rankings.add(new TokenizedRanking(first.origin(), first.promptIds(), ranked));
        }
        PreferenceBatch batch = PreferenceBatch.of(rankings);
        assertThat(batch.tokens().scoredCounts()).hasSize(3 + 4);
        try (TensorScope _ = new TensorScope()) {
            HandWrittenBackwardTest.assertSame(Golden.of(family).policy(), batch.tokens());
        }
    }
}
