package io.github.dpo4j.logprob;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.data.Origin;
import io.github.dpo4j.text.TokenizedPair;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Three pairs of 2 + 1, 1 + 1 and 3 + 2 scored tokens whose made-up logps say pair, side and token. */
class LogpsStoreTest {
    private static final TokenizedPair A = pair(1, 2, 1);
    private static final TokenizedPair B = pair(2, 1, 1);
    private static final TokenizedPair C = pair(3, 3, 2);
    private static final List<TokenizedPair> PAIRS = List.of(A, B, C);

    private final Path folder;
    private final LogpsStore store;

    LogpsStoreTest(@TempDir Path folder) {
        this.folder = folder;
        this.store = new LogpsStore(folder, "key", PAIRS);
    }

    private static TokenizedPair pair(long line, int chosen, int rejected) {
        return new TokenizedPair(
                new Origin(Path.of("made.jsonl"), line), new int[] {5, 6}, new int[chosen], new int[rejected]);
    }

    private void fill(int from, int to, float... logps) throws IOException {
        try (FillLock _ = store.lock(() -> {});
                PartialLogps partial = PartialLogps.open(store)) {
            partial.fill(from, to, logps);
        }
    }

    /** Fills A and B as one pack, C as another, and seals. */
    private void complete() throws IOException {
        // In a pack the chosen completions come first: those of A (1.1, 1.2) and B (2.1), then the rejected ones.
        fill(0, 2, -1.1f, -1.2f, -2.1f, -1.5f, -2.5f);
        fill(2, 3, -3.1f, -3.2f, -3.3f, -3.5f, -3.6f);
        seal();
    }

    private void seal() throws IOException {
        try (PartialLogps partial = PartialLogps.open(store)) {
            partial.seal(Map.of("reference", "made up"));
        }
    }

    private float[] read(TokenizedPair... pairs) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            return store.map(arena).of(PreferenceBatch.of(List.of(pairs)));
        }
    }

    @Test
    void everyPairIsGivenItsOwnLogpsInTheOrderOfThePackThatAsks() throws IOException {
        complete();
        assertThat(store.state()).isInstanceOf(LogpsStore.State.Complete.class);
        assertThat(read(C, A)).containsExactly(-3.1f, -3.2f, -3.3f, -1.1f, -1.2f, -3.5f, -3.6f, -1.5f);
        assertThat(read(B)).containsExactly(-2.1f, -2.5f);
        assertThat(read(A, B, C)).containsExactly(-1.1f, -1.2f, -2.1f, -3.1f, -3.2f, -3.3f, -1.5f, -2.5f, -3.5f, -3.6f);
    }

    @Test
    void theFileHoldsLittleEndianFloatsPairAfterPair() throws IOException {
        complete();
        // -1.1f is 0xBF8CCCCD, -1.5f, the rejected token of the first pair and the third of the file, 0xBFC00000.
        assertThat(Files.readAllBytes(store.values()))
                .hasSize(40)
                .startsWith(0xCD, 0xCC, 0x8C, 0xBF)
                .contains(new int[] {0x00, 0x00, 0xC0, 0xBF});
        assertThat(Files.readString(folder.resolve("key/manifest.json")))
                .contains("\"key\" : \"key\"", "\"reference\" : \"made up\"", "\"pairs\" : 3", "\"tokens\" : 10");
        assertThat(store.marks()).doesNotExist();
    }

    @Test
    void whatWasFilledBeforeAKillIsFoundAgainAndTheRestIsNot() throws IOException {
        fill(0, 2, -1.1f, -1.2f, -2.1f, -1.5f, -2.5f);
        assertThat(store.state()).isInstanceOf(LogpsStore.State.Unfinished.class);
        try (PartialLogps partial = PartialLogps.open(store)) {
            assertThat(partial.filled()).isEqualTo(2);
            assertThat(partial.filled(0, 2)).isTrue();
            assertThat(partial.filled(0, 3)).isFalse();
            assertThat(partial.filled(2, 3)).isFalse();
        }
    }

    @Test
    void aStoreWithAnUnfilledPairIsNeverComplete() throws IOException {
        fill(0, 2, -1.1f, -1.2f, -2.1f, -1.5f, -2.5f);
        assertThatThrownBy(this::seal).isInstanceOf(IllegalStateException.class).hasMessageContaining("2 of 3 pairs");
        assertThat(store.state()).isInstanceOf(LogpsStore.State.Unfinished.class);
    }

    @Test
    void aPairWhoseValuesAreNotThoseThatItsMarkVouchesForCountsAsUnfilled() throws IOException {
        fill(0, 2, -1.1f, -1.2f, -2.1f, -1.5f, -2.5f);
        flip(store.values(), 4);
        try (PartialLogps partial = PartialLogps.open(store)) {
            assertThat(partial.filled(0, 1)).isFalse();
            assertThat(partial.filled(1, 2)).isTrue();
        }
    }

    @Test
    void aPartialFileOfAnotherSizeIsBegunAnew() throws IOException {
        fill(0, 2, -1.1f, -1.2f, -2.1f, -1.5f, -2.5f);
        Files.write(store.values(), new byte[3], StandardOpenOption.APPEND);
        try (PartialLogps partial = PartialLogps.open(store)) {
            assertThat(partial.filled()).isZero();
        }
    }

    @Test
    void logpsForAnotherNumberOfTokensAreRefused() throws IOException {
        assertThatThrownBy(() -> fill(0, 1, -1, -2)).hasMessage("2 logps for 3 tokens");
    }

    @Test
    void aPairThatIsNotInTheStoreIsRefusedEvenIfItsIdsAre() throws IOException {
        complete();
        assertThatThrownBy(() -> read(A, pair(7, 2, 1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("made.jsonl:7");
    }

    @Test
    void aValueThatIsNoNumberIsNeverHandedOut() throws IOException {
        fill(0, 2, -1.1f, -1.2f, -2.1f, -1.5f, -2.5f);
        fill(2, 3, -3.1f, Float.NaN, -3.3f, -3.5f, -3.6f);
        seal();
        assertThat(read(A, B)).hasSize(5);
        assertThatThrownBy(() -> read(C)).isInstanceOf(IllegalStateException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"flip", "truncate", "lengthen", "delete", "another manifest", "no JSON", "half a manifest"})
    void aDamagedStoreIsRecognised(String damage) throws IOException {
        complete();
        Path manifest = folder.resolve("key/manifest.json");
        switch (damage) {
            case "flip" -> flip(store.values(), 17);
            case "truncate" -> Files.write(store.values(), new byte[36]);
            case "lengthen" -> Files.write(store.values(), new byte[4], StandardOpenOption.APPEND);
            case "delete" -> Files.delete(store.values());
            case "another manifest" ->
                Files.writeString(manifest, Files.readString(manifest).replace("\"tokens\" : 10", "\"tokens\" : 11"));
            case "no JSON" -> Files.writeString(manifest, "{");
            default -> Files.writeString(manifest, "{\"format\": 1}");
        }
        assertThat(store.state()).isInstanceOf(LogpsStore.State.Damaged.class);
        store.clear();
        assertThat(store.state()).isInstanceOf(LogpsStore.State.Unfinished.class);
        complete();
        assertThat(store.state()).isInstanceOf(LogpsStore.State.Complete.class);
    }

    private static void flip(Path file, long at) throws IOException {
        try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
            bytes.seek(at);
            int old = bytes.read();
            bytes.seek(at);
            bytes.write(old ^ 1);
        }
    }

    @Test
    void whoComesWhileAnotherFillsIsToldAndWaits() throws Exception {
        CountDownLatch waiting = new CountDownLatch(1);
        try (ExecutorService second = Executors.newSingleThreadExecutor()) {
            Future<Integer> found;
            try (FillLock _ = store.lock(() -> {})) {
                found = second.submit(() -> {
                    try (FillLock _ = store.lock(waiting::countDown);
                            PartialLogps partial = PartialLogps.open(store)) {
                        return partial.filled();
                    }
                });
                assertThat(waiting.await(30, TimeUnit.SECONDS)).isTrue();
                try (PartialLogps partial = PartialLogps.open(store)) {
                    partial.fill(1, 2, new float[] {-2.1f, -2.5f});
                }
            }
            assertThat(found.get(30, TimeUnit.SECONDS)).isEqualTo(1);
        }
    }
}
