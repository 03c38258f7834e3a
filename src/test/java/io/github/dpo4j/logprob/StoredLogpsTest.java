package io.github.dpo4j.logprob;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.text.TokenizedPair;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Stored reference logps stand in for those of the model. */
class StoredLogpsTest {
    private final Path folder;

    StoredLogpsTest(@TempDir Path folder) {
        this.folder = folder;
    }

    /** Stores the logps of {@code pairs}, computed in one pack. */
    private ReferenceLogps.Stored store(ReferenceLogps.Live live, List<TokenizedPair> pairs, Arena arena)
            throws IOException {
        LogpsStore store = new LogpsStore(folder, "key", pairs);
        try (FillLock _ = store.lock(() -> {});
                PartialLogps partial = PartialLogps.open(store)) {
            partial.fill(0, pairs.size(), Tensors.toFloats(live.tokenLogps(PreferenceBatch.of(pairs))));
            partial.seal(Map.of());
        }
        return new ReferenceLogps.Stored(store.map(arena), Device.CPU);
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gpt2", "gpt_neox"})
    void theyAreTheModelsBitForBitInThePackThatTheyWereComputedIn(String family) throws IOException {
        Golden golden = Golden.of(family);
        List<TokenizedPair> pairs = golden.pairs(20, 16);
        try (TensorScope _ = new TensorScope();
                Arena arena = Arena.ofConfined()) {
            ReferenceLogps.Live live = new ReferenceLogps.Live(golden.reference());
            ReferenceLogps.Stored stored = store(live, pairs, arena);
            PreferenceBatch batch = PreferenceBatch.of(pairs);
            assertThat(Tensors.toFloats(stored.sums(batch))).containsExactly(Tensors.toFloats(live.sums(batch)));
            assertThat(Tensors.toFloats(stored.tokenLogps(batch)))
                    .containsExactly(Tensors.toFloats(live.tokenLogps(batch)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gpt2", "gpt_neox"})
    void inAnyOtherPackTheyDifferByRoundingOnly(String family) throws IOException {
        Golden golden = Golden.of(family);
        List<TokenizedPair> pairs = golden.pairs();
        try (TensorScope _ = new TensorScope();
                Arena arena = Arena.ofConfined()) {
            ReferenceLogps.Live live = new ReferenceLogps.Live(golden.reference());
            ReferenceLogps.Stored stored = store(live, pairs, arena);
            for (int[] numbers : new int[][] {{3}, {7, 0, 12}, {15, 14, 1, 2}}) {
                PreferenceBatch batch = PreferenceBatch.of(
                        Arrays.stream(numbers).mapToObj(pairs::get).toList());
                double[] expected = Tensors.toDoubles(live.sums(batch));
                double[] actual = Tensors.toDoubles(stored.sums(batch));
                assertThat(actual).hasSize(2 * numbers.length);
                for (int i = 0; i < actual.length; i++) {
                    assertThat(Math.abs(actual[i] - expected[i])).isLessThan(1e-6 * Math.max(10, -expected[i]));
                }
            }
        }
    }
}
