package io.github.dpo4j.benchmarks;

import io.github.dpo4j.kernel.Logits;
import io.github.dpo4j.kernel.Norms;
import io.github.dpo4j.kernel.Rows;
import io.github.dpo4j.kernel.Sight;
import io.github.dpo4j.kernel.Softmax;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.torch.Threads;
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

/** What runs between the products of a Llama of 135 million weights on 4 pairs of 120 + 40 + 50 tokens. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class KernelBenchmark {
    private static final int TOKENS = 840;
    private static final int WIDTH = 576;
    private static final int GROUPS = 3;
    private static final int HEADS_A_GROUP = 3;
    private static final int QUERIES = 192;
    private static final int PAIR = 210;
    private static final int SCORED = 360;
    private static final int LOGITS = 5824;

    @Param({"false", "true"})
    public boolean bfloat16;

    private final Team team = Team.shared(Threads.count());
    private final Norms.Norm rms = new Norms.Norm(MadeUp.floats(WIDTH), null, false, 1e-5);
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
        strip = new Softmax.Strip(sight, sight.blocks().getFirst(), 0, QUERIES, GROUPS, HEADS_A_GROUP, 0.125f);
        scores = MadeUp.rows(bfloat16, GROUPS * QUERIES * HEADS_A_GROUP, QUERIES);
        logSums = MadeUp.rows(false, PAIR, GROUPS * HEADS_A_GROUP);
        logits = MadeUp.rows(bfloat16, SCORED, LOGITS);
        targets = new SplittableRandom(MadeUp.SEED).ints(SCORED, 0, LOGITS).toArray();
    }

    /** [840, 576] added to the residual stream and normalized. */
    @Benchmark
    public void norm() {
        Norms.forward(team, stream, List.of(new Norms.Addend(added, null)), rms, normalized, inverse, out);
    }

    /** 9 heads, 192 queries, up to 192 keys, in place. */
    @Benchmark
    public void softmax() {
        Softmax.forward(team, strip, scores, logSums);
    }

    /** Log sum exp of [360, 5824] logits, a ninth of the vocabulary. */
    @Benchmark
    public float[] logits() {
        Logits seen = new Logits(targets);
        seen.see(team, logits, 0);
        return seen.logps();
    }
}
