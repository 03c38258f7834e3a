package io.github.dpo4j.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Kernels against the same arithmetic in float64, one element at a time. */
class KernelTest {
    @AutoClose
    private final Arena arena = Arena.ofShared();

    private final Team team = new Team(2, () -> {});

    private Rows rows(boolean half, int rows, int width, Random random) {
        Rows made = empty(half, rows, width);
        float[] row = new float[Lanes.padded(width)];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < width; j++) {
                row[j] = (float) random.nextGaussian();
            }
            made.store(i, row);
        }
        return made;
    }

    private Rows empty(boolean half, int rows, int width) {
        return new Rows(arena.allocate((long) rows * width * (half ? 2 : 4), 64), half, rows, width);
    }

    private static void assertEverywhere(
            UnaryOperator<FloatVector> kernel, DoubleUnaryOperator exact, double from, double to, double tolerance) {
        for (double x = from; x <= to; x += (to - from) / 5000) {
            float value =
                    kernel.apply(FloatVector.broadcast(Lanes.F, (float) x)).lane(0);
            double expected = exact.applyAsDouble((float) x);
            assertThat((double) value).as("at %s", x).isCloseTo(expected, within(tolerance * Math.max(1, expected)));
        }
    }

    @Test
    void functionsAreTheLibrarysToFloat32() {
        assertEverywhere(Lanes::exp, Math::exp, -20, 0, 2e-7);
        for (double x = -80; x < 80; x += 0.37) {
            float value = Lanes.exp(FloatVector.broadcast(Lanes.F, (float) x)).lane(0);
            assertThat(value / Math.exp((float) x)).isCloseTo(1, within(3e-7));
        }
        assertEverywhere(Lanes::sigmoid, x -> 1 / (1 + Math.exp(-x)), -30, 30, 3e-7);
        assertEverywhere(Lanes::tanh, Math::tanh, -12, 12, 3e-7);
        // The approximation is good to 1.5e-7, its float32 arithmetic to as much again. erf by its series, which
        // converges everywhere and is exact to float64 up to 3.
        assertEverywhere(
                Lanes::erf,
                x -> {
                    double term = x;
                    double sum = x;
                    for (int n = 1; n < 80; n++) {
                        term *= -x * x / n;
                        sum += term / (2 * n + 1);
                    }
                    return 2 / Math.sqrt(Math.PI) * sum;
                },
                -3,
                3,
                5e-7);
        assertThat(Lanes.exp(FloatVector.broadcast(Lanes.F, Float.NaN)).lane(0)).isNaN();
    }

    @Test
    void bfloat16IsTheNearestWithTiesToEven() {
        Rows half = empty(true, 1, 19);
        float[] values = new float[Lanes.padded(19)];
        // 1 + 2^-8 lies between 1 and 1 + 2^-7: to even, 1; 1 + 3 x 2^-8 goes up to 1 + 2^-6.
        values[0] = 1 + 1 / 256f;
        values[1] = 1 + 3 / 256f;
        values[2] = -3.14159f;
        values[17] = 1 + 1 / 256f;
        values[18] = 1 + 3 / 256f;
        half.store(0, values);
        float[] read = new float[Lanes.padded(19)];
        half.load(0, read);
        assertThat(read[0]).isEqualTo(1f);
        assertThat(read[1]).isEqualTo(1 + 1 / 64f);
        assertThat(read[2]).isEqualTo(-3.140625f);
        assertThat(read[17]).as("beyond the last whole vector").isEqualTo(1f);
        assertThat(read[18]).isEqualTo(1 + 1 / 64f);
    }

    @Test
    void rowsRefuseMemoryThatIsTooSmall() {
        MemorySegment memory = arena.allocate(7);
        assertThatThrownBy(() -> new Rows(memory, true, 2, 2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("needs 8 bytes");
    }

    /** A norm's sums over rows are the only place where who did what could show. */
    @Test
    void anyNumberOfThreadsGivesTheSameBits() {
        float[] first = null;
        for (int threads : new int[] {1, 2, 3}) {
            Team some = new Team(threads, () -> {});
            Random random = new Random(3);
            Rows normalized = rows(false, 200, 37, random);
            Rows gradient = rows(true, 200, 37, random);
            Rows stream = rows(false, 200, 37, random);
            Rows inverse = rows(false, 200, 1, random);
            Rows weight = rows(false, 1, 37, random);
            Rows weightGradient = empty(false, 1, 37);
            Norms.Norm norm = new Norms.Norm(weight.memory(), 0, null, false, 1e-5);
            Norms.Sums sums = new Norms.Sums(200, 37, false);
            some.runParts(
                    200,
                    Norms.ROWS_A_SUM,
                    part -> Norms.backward(part, gradient, normalized, inverse, norm, stream, null, null, sums));
            sums.addTo(weightGradient.memory(), null);
            float[] all = weightGradient.memory().toArray(ValueLayout.JAVA_FLOAT);
            first = first == null ? all : first;
            assertThat(all).isEqualTo(first);
        }
    }

    @ParameterizedTest
    @CsvSource({"true,19", "true,32", "false,19"})
    void gradientsArePutInTheirPlace(boolean half, int width) {
        Random random = new Random(4);
        Rows some = rows(half, 3, width, random);
        Rows target = rows(false, 6, 50, random);
        float[] before = target.memory().toArray(ValueLayout.JAVA_FLOAT);
        Scratch scratch = new Scratch(0);
        Gradients.put(some, target, 1, 7, true, scratch);
        for (int row = 0; row < 6; row++) {
            for (int column = 0; column < 50; column++) {
                boolean inside = row >= 1 && row < 4 && column >= 7 && column < 7 + width;
                float added = inside ? some.get((row - 1L) * width + column - 7) : 0;
                assertThat(target.get(row * 50L + column)).isEqualTo(before[row * 50 + column] + added);
            }
        }
        Gradients.put(some, target, 1, 7, false, scratch);
        assertThat(target.get(50 + 7 + width - 1)).isEqualTo(some.get(width - 1));
        assertThat(target.get(50 + 7 + width)).isEqualTo(before[50 + 7 + width]);
    }

    /** The way back makes again, bit for bit, what the way there made. */
    @ParameterizedTest
    @EnumSource(Gates.Activation.class)
    void theMiddleOfAnMlpIsMadeAgain(Gates.Activation activation) {
        for (boolean half : new boolean[] {false, true}) {
            for (boolean gated : new boolean[] {false, true}) {
                Random random = new Random(5);
                Part all = new Part(0, 5, new Scratch(0));
                Gates.Input up = new Gates.Input(rows(half, 5, 37, random), null, 0);
                Gates.Input gate = gated ? new Gates.Input(rows(half, 5, 37, random), null, 0) : null;
                Rows out = empty(half, 5, 37);
                Gates.forward(all, activation, gate, up, out);
                Rows inner = rows(half, 5, 37, random);
                Gates.backward(all, activation, gate, up, inner);
                assertThat(inner.memory().mismatch(out.memory())).isEqualTo(-1);
            }
        }
    }

    @Test
    void aNormIsMadeAgain() {
        Random random = new Random(6);
        Part all = new Part(0, 5, new Scratch(0));
        Norms.Norm norm = new Norms.Norm(
                rows(false, 1, 37, random).memory(),
                0,
                rows(false, 1, 37, random).memory(),
                true,
                1e-5);
        Rows stream = rows(false, 5, 37, random);
        Rows normalized = empty(false, 5, 37);
        Rows inverse = empty(false, 5, 1);
        Rows out = empty(false, 5, 37);
        Norms.forward(all, stream, List.of(), norm, normalized, inverse, out);
        Rows again = empty(false, 5, 37);
        Norms.backward(
                all,
                rows(false, 5, 37, random),
                normalized,
                inverse,
                norm,
                stream,
                null,
                again,
                new Norms.Sums(5, 37, true));
        assertThat(again.memory().mismatch(out.memory())).isEqualTo(-1);
    }

    @Test
    void aKernelsErrorReachesItsCaller() {
        assertThatThrownBy(() -> team.run(5, (chunk, _) -> {
                    if (chunk == 3) {
                        throw new IllegalArgumentException("no");
                    }
                }))
                .hasMessage("no");
        int[] ran = new int[7];
        team.run(7, (chunk, _) -> ran[chunk]++);
        assertThat(ran).as("the team goes on").containsOnly(1);
    }

    @Test
    void callersOnTwoThreadsTakeTurns() throws InterruptedException {
        int[] sums = new int[2];
        Thread[] callers = new Thread[2];
        for (int c = 0; c < 2; c++) {
            int caller = c;
            callers[c] = Thread.ofPlatform().start(() -> {
                for (int round = 0; round < 300; round++) {
                    team.run(4, (_, scratch) -> {
                        float[] mine = scratch.floats(0, 64);
                        java.util.Arrays.fill(mine, caller);
                        Thread.onSpinWait();
                        for (float x : mine) {
                            if (x != caller) {
                                throw new IllegalStateException("another caller's number");
                            }
                        }
                    });
                    sums[caller]++;
                }
            });
        }
        for (Thread caller : callers) {
            caller.join();
        }
        assertThat(sums).containsExactly(300, 300);
    }

    /** Callers hold a buffer a thread, and no more than they have chunks. */
    @Test
    void noMoreThreadsTakePartThanThereAreChunks() {
        Team four = new Team(4, () -> {});
        for (int round = 0; round < 2000; round++) {
            four.run(2, (_, scratch) -> {
                Thread.onSpinWait();
                if (scratch.thread() > 1) {
                    throw new IllegalStateException("thread " + scratch.thread());
                }
            });
        }
    }

    /** Whichever thread got the chunk: a helper that waited for its own caller's turn would wait for ever. */
    @Test
    void aKernelInsideAKernelIsRefusedOnEveryThread() {
        CountDownLatch both = new CountDownLatch(2);
        AtomicInteger refused = new AtomicInteger();
        team.run(2, (_, _) -> {
            both.countDown();
            awaitQuietly(both);
            try {
                team.run(2, (_, _) -> {});
            } catch (IllegalStateException e) {
                refused.incrementAndGet();
            }
        });
        assertThat(refused).hasValue(2);
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Prompt of 2, chosen of 2, rejected of 3: the rejected tokens see the prompt and themselves. */
    @Test
    void aRejectedCompletionSeesThePromptAndItself() {
        Sight sight =
                Sight.of(List.of(new Sight.Run(0, 4, 0, 0), new Sight.Run(4, 3, 0, 2), new Sight.Run(7, 2, 0, 0)), 9);
        assertThat(sight.blocks()).containsExactly(new Sight.Block(0, 7, 0), new Sight.Block(7, 2, 32));
        assertThat(seen(sight, 3)).isEqualTo("0-4");
        assertThat(seen(sight, 4)).isEqualTo("0-2,4-5");
        assertThat(seen(sight, 6)).isEqualTo("0-2,4-7");
        assertThat(seen(sight, 8)).isEqualTo("0-2");
    }

    private static String seen(Sight sight, int t) {
        String first = sight.from()[t] + "-" + sight.to()[t];
        return sight.secondFrom()[t] == sight.secondTo()[t]
                ? first
                : first + "," + sight.secondFrom()[t] + "-" + sight.secondTo()[t];
    }

    /** Logits that come in ranges give the log-probabilities of the whole, and a gradient that sums to zero. */
    @Test
    void logitsInRangesAreLogitsAtOnce() {
        Random random = new Random(1);
        int[] targets = {3, 70, 41, 0};
        Rows all = rows(false, 4, 101, random);
        double[] logSums = new double[4];
        for (int s = 0; s < 4; s++) {
            double sum = 0;
            for (int v = 0; v < 101; v++) {
                sum += Math.exp(all.get(s * 101L + v));
            }
            logSums[s] = Math.log(sum);
        }
        Logits logits = new Logits(targets, 3);
        Scratch scratch = new Scratch(0);
        int[] starts = {0, 40, 80, 101};
        for (int r = 2; r >= 0; r--) {
            logits.see(r, range(all, starts[r], starts[r + 1]), starts[r], scratch);
        }
        logits.finish();
        for (int s = 0; s < 4; s++) {
            double expected = all.get(s * 101L + targets[s]) - logSums[s];
            assertThat((double) logits.logps()[s]).isCloseTo(expected, within(1e-6));
        }
        float[] upstream = {1, -2, 0.5f, 3};
        for (int r = 0; r < 3; r++) {
            Rows part = range(all, starts[r], starts[r + 1]);
            logits.gradient(part, starts[r], upstream, scratch);
            for (int s = 0; s < 4; s++) {
                for (int v = starts[r]; v < starts[r + 1]; v++) {
                    double p = Math.exp(all.get(s * 101L + v) - logSums[s]);
                    double expected = upstream[s] * ((v == targets[s] ? 1 : 0) - p);
                    assertThat((double) part.get((long) s * part.width() + v - starts[r]))
                            .isCloseTo(expected, within(2e-6));
                }
            }
        }
    }

    private Rows range(Rows all, int from, int to) {
        Rows part = empty(false, all.rows(), to - from);
        float[] row = new float[Lanes.padded(to - from)];
        for (int s = 0; s < all.rows(); s++) {
            all.load(s, from, to - from, row);
            part.store(s, row);
        }
        return part;
    }
}
