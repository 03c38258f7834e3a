package io.github.dpo4j.benchmarks;

import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.safetensors.SafetensorsFolder;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** stories15M, 30 MB of bfloat16 that the system's file cache holds after the first time. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class SafetensorsBenchmark {
    private static final Path FOLDER = Path.of("models/stories15M");

    /** What the weights are converted to. */
    @State(Scope.Thread)
    public static class Type {
        @Param({"float32", "bfloat16"})
        public String dtype;
    }

    /** Headers alone, checked. */
    @Benchmark
    public int open() {
        try (SafetensorsFolder folder = SafetensorsFolder.open(FOLDER)) {
            return folder.tensors().size();
        }
    }

    /** A frozen model: every weight read, converted and found finite. */
    @Benchmark
    public long load(Type type) {
        try (TensorScope _ = new TensorScope()) {
            return ModelFolder.open(FOLDER)
                    .loadFrozen(Device.CPU, ComputeType.of(type.dtype))
                    .parameters()
                    .count();
        }
    }
}
