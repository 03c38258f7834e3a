package io.github.dpo4j.generate;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenChooserTest {
    private static final double[] SHARES = {0.05, 0.4, 0.02, 0.25, 0.18, 0.1};
    private static final int DRAWS = 6000;

    /** How often each token is drawn, with seeds 1, 2, ... */
    private static long[] counts(Sampling sampling) {
        try (TensorScope _ = new TensorScope()) {
            float[] logits = new float[SHARES.length];
            for (int i = 0; i < logits.length; i++) {
                logits[i] = (float) Math.log(SHARES[i]) + 3;
            }
            Tensor rows = Tensors.ofFloats(logits, Device.CPU).unsqueeze(0).expand(DRAWS, SHARES.length);
            long[] seeds = LongStream.rangeClosed(1, DRAWS).toArray();
            long[] drawn = Tensors.toLongs(new TokenChooser(sampling, seeds, Device.CPU).choose(rows));
            long[] counts = new long[SHARES.length];
            for (long token : drawn) {
                counts[(int) token]++;
            }
            return counts;
        }
    }

    private static double chiSquare(long[] counts, double[] shares) {
        double sum = 0;
        double total = Arrays.stream(shares).sum();
        for (int i = 0; i < counts.length; i++) {
            double expected = DRAWS * shares[i] / total;
            sum += expected == 0 ? 0 : (counts[i] - expected) * (counts[i] - expected) / expected;
        }
        return sum;
    }

    @Test
    void drawsFollowTheDistribution() {
        // 99.9 % of chi-square values with 5 degrees of freedom are below 20.5.
        assertThat(chiSquare(counts(new Sampling(1, 0, 1)), SHARES)).isLessThan(20.5);
    }

    @Test
    void temperatureTwoTakesTheSquareRootOfTheShares() {
        double[] flattened = Arrays.stream(SHARES).map(Math::sqrt).toArray();
        assertThat(chiSquare(counts(new Sampling(2, 0, 1)), flattened)).isLessThan(20.5);
    }

    @Test
    void topKDrawsFromTheKLikeliestInTheirProportions() {
        long[] counts = counts(new Sampling(1, 3, 1));
        double[] kept = {0, 0.4, 0, 0.25, 0.18, 0};
        assertThat(counts[0] + counts[2] + counts[5]).isZero();
        // 99.9 % with 2 degrees of freedom: 13.8.
        assertThat(chiSquare(counts, kept)).isLessThan(13.8);
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.01, 0.39, 0.41, 0.6, 0.66, 0.82, 0.9, 0.97, 0.99, 1})
    void topPDrawsFromTheSmallestSetThatReachesIt(double topP) {
        long[] counts = counts(new Sampling(1, 0, topP));
        Set<Integer> drawn = new TreeSet<>();
        IntStream.range(0, counts.length).filter(i -> counts[i] > 0).forEach(drawn::add);
        assertThat(drawn).isEqualTo(smallestSet(topP));
    }

    /** Of all 64 sets of tokens, the smallest whose shares reach topP, and of those the likeliest. */
    private static Set<Integer> smallestSet(double topP) {
        int best = IntStream.range(1, 1 << SHARES.length)
                .filter(set -> share(set) >= topP - 1e-9)
                .boxed()
                .min(Comparator.<Integer>comparingInt(Integer::bitCount).thenComparingDouble(set -> -share(set)))
                .orElseThrow();
        Set<Integer> tokens = new TreeSet<>();
        IntStream.range(0, SHARES.length).filter(i -> (best >> i & 1) == 1).forEach(tokens::add);
        return tokens;
    }

    private static double share(int set) {
        return IntStream.range(0, SHARES.length)
                .filter(i -> (set >> i & 1) == 1)
                .mapToDouble(i -> SHARES[i])
                .sum();
    }
}
