package io.github.dpo4j.benchmarks;

import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.batch.TokenBudget;
import io.github.dpo4j.text.TokenizedPair;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** A step's pairs cut into micro-batches, and a micro-batch laid out. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class PackingBenchmark {
    private static final int PAIRS = 64;

    private final List<TokenizedPair> pairs = MadeUp.pairs(4, 32_000);
    private final TokenBudget budget = new TokenBudget(1024);
    private final int[] step = IntStream.range(0, PAIRS).toArray();
    private final int[] lengths =
            new SplittableRandom(MadeUp.SEED).ints(PAIRS, 20, 600).toArray();

    /** 4 pairs of 210 tokens. */
    @Benchmark
    public PreferenceBatch pack() {
        return PreferenceBatch.of(pairs);
    }

    /** 64 pairs of 20 to 600 tokens into micro-batches of 1024. */
    @Benchmark
    public List<int[]> cut() {
        return budget.packs(step, pair -> lengths[pair]);
    }
}
