package io.github.dpo4j.benchmarks;

import io.github.dpo4j.kernel.Gradients;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.model.fused.FusedDecoder;
import io.github.dpo4j.kernel.Updates;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** The update of 16.8 million weights, far more than the caches hold. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class OptimizerBenchmark {
    private static final int ELEMENTS = 1 << 24;

    private final Team team = FusedDecoder.team();
    private final MemorySegment gradients = MadeUp.floats(ELEMENTS);
    private final Updates.Buffers buffers =
            new Updates.Buffers(MadeUp.floats(ELEMENTS), gradients, new MemorySegment[] {zeros(), zeros()}, bfloat16());
    private final Updates.AdamW adamW = new Updates.AdamW(0.9f, 0.999f, 1e-8f, 1, 1e-6f, 1, 1);

    private static MemorySegment zeros() {
        return Arena.ofAuto().allocate((long) ELEMENTS * Float.BYTES, 64);
    }

    private static MemorySegment bfloat16() {
        return Arena.ofAuto().allocate((long) ELEMENTS * Short.BYTES, 64);
    }

    /** Reads 16 bytes a weight and writes 14: weight, mean, mean square and the weight in bfloat16. */
    @Benchmark
    public void adamW() {
        adamW.run(team, buffers);
    }

    /** Reads 4 bytes a weight. */
    @Benchmark
    public double gradientNorm() {
        return Math.sqrt(Gradients.squares(team, gradients));
    }
}
