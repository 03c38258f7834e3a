package io.github.dpo4j.benchmarks;

import io.github.dpo4j.kernel.Logits;
import io.github.dpo4j.kernel.Norms;
import io.github.dpo4j.kernel.Part;
import io.github.dpo4j.kernel.Rows;
import io.github.dpo4j.kernel.Scratch;
import io.github.dpo4j.kernel.Sight;
import io.github.dpo4j.kernel.Softmax;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** What runs between the products of a Llama of 135 million weights on 4 pairs of 120 + 40 + 50 tokens, on one thread. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class KernelBenchmark {
    private static final int TOKENS = 840;
    private static final int WIDTH = 576;
    private static final int GROUPS = 3;
    private static final int HEADS_A_GROUP = 3;
    private static final int PAIR = 210;
    private static final int ROOM = 224;
    private static final int SCORED = 360;
    private static final int LOGITS = 1408;

    @Param({"false", "true"})
    public boolean bfloat16;

    private final Scratch scratch = new Scratch(0);
    private final Part all = new Part(0, TOKENS, scratch);
    private final Norms.Norm rms = new Norms.Norm(MadeUp.floats(WIDTH), 0, null, false, 1e-5);
    private Rows stream;
    private Rows added;
    private Rows normalized;
    private Rows inverse;
    private Rows out;
    private Softmax.Strip strip;
    private Rows scores;
    private Rows logSums;
    private Rows logits;
    private int[] targets;

    @Setup
    public void makeUp() {
        stream = MadeUp.rows(false, TOKENS, WIDTH);
        added = new Rows(MadeUp.rows(bfloat16, TOKENS, WIDTH).memory().fill((byte) 0), bfloat16, TOKENS, WIDTH);
        normalized = MadeUp.rows(bfloat16, TOKENS, WIDTH);
        inverse = MadeUp.rows(false, TOKENS, 1);
        out = MadeUp.rows(bfloat16, TOKENS, WIDTH);
        Sight sight = Sight.of(List.of(new Sight.Run(0, 160, 0, 0), new Sight.Run(160, 50, 0, 120)), PAIR);
        strip = new Softmax.Strip(sight, sight.blocks().getFirst(), 0, ROOM, 0, GROUPS, HEADS_A_GROUP, 0.125f);
        scores = MadeUp.rows(bfloat16, ROOM * HEADS_A_GROUP, ROOM);
        logSums = MadeUp.rows(false, ROOM, GROUPS * HEADS_A_GROUP);
        logits = MadeUp.rows(bfloat16, SCORED, LOGITS);
        targets = new SplittableRandom(MadeUp.SEED).ints(SCORED, 0, LOGITS).toArray();
    }

    /** [840, 576] added to the residual stream and normalized. */
    @Benchmark
    public void norm() {
        Norms.forward(all, stream, List.of(new Norms.Addend(added, null)), rms, normalized, inverse, out);
    }

    /** 3 of 9 heads, 210 queries, up to 210 keys, in place. */
    @Benchmark
    public void softmax() {
        Softmax.forward(strip, scores, logSums, scratch);
    }

    /** Log sum exp of [360, 1408] logits, a part of the vocabulary. */
    @Benchmark
    public float[] logits() {
        Logits seen = new Logits(targets, 1);
        seen.see(0, logits, 0, scratch);
        seen.finish();
        return seen.logps();
    }
}
