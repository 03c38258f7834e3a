package io.github.dpo4j.benchmarks;

import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.logprob.ScoredTokens;
import io.github.dpo4j.logprob.TokenLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Token logps of 4 pairs of 120 + 40 + 50 tokens under stories15M, and their gradient. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class LogpsBenchmark {
    @Param({"float32", "bfloat16"})
    public String dtype;

    private TensorScope scope;
    private CausalLm frozen;
    private CausalLm trainable;
    private PackedTokens tokens;

    @Setup
    public void load() {
        scope = new TensorScope();
        ModelFolder folder = ModelFolder.open(Path.of("models/stories15M"));
        frozen = folder.loadFrozen(Device.CPU, ComputeType.of(dtype));
        trainable = folder.loadTrainable(Device.CPU, ComputeType.of(dtype));
        tokens = PreferenceBatch.of(MadeUp.pairs(4, folder.settings().vocabularySize()))
                .tokens();
    }

    @TearDown
    public void close() {
        scope.close();
    }

    @Benchmark
    public float[] reference() {
        try (TensorScope _ = new TensorScope()) {
            return Tensors.toFloats(TokenLogps.of(frozen, tokens));
        }
    }

    @Benchmark
    public void forwardAndBackward() {
        trainable.parameters().zeroGradient();
        try (TensorScope _ = new TensorScope()) {
            ScoredTokens scored = ScoredTokens.of(trainable, tokens);
            scored.sums().mean().backward();
            scored.backward();
        }
    }
}
