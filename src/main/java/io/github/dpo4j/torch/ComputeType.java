package io.github.dpo4j.torch;

import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The type of activations and matrix products. Master weights, losses and logps are float32 whichever is chosen. */
public enum ComputeType {
    FLOAT32(ScalarType.Float),
    BFLOAT16(ScalarType.BFloat16);

    private static final int PROBE_SIZE = 768;
    /** A tenth of a second; the first rounds prepare kernels and touch memory, and are never the best. */
    private static final int PROBE_ROUNDS = 15;

    private final ScalarType scalarType;

    ComputeType(ScalarType scalarType) {
        this.scalarType = scalarType;
    }

    public ScalarType scalarType() {
        return scalarType;
    }

    /** The name on the command line: float32 or bfloat16. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    public static ComputeType of(String label) {
        return switch (label) {
            case "float32" -> FLOAT32;
            case "bfloat16" -> BFLOAT16;
            default -> throw new UserError("--dtype " + label + " is unknown; it is float32 or bfloat16");
        };
    }

    /**
     * What a probe of a device found.
     *
     * @param reason one sentence with the numbers behind the choice
     */
    public record Probe(ComputeType type, String reason) {}

    /**
     * Returns bfloat16 where the device multiplies it in hardware (AVX512-BF16, AMX, a GPU), else float32. A few products are
     * measured; only instructions that turn out no faster at all are left unused, so that a busy moment does not change a
     * run's type.
     */
    public static Probe probe(Device device) {
        if (device.isCuda()) {
            return new Probe(BFLOAT16, "computing in bfloat16: the device is a GPU");
        }
        if (!hasBfloat16Instructions()) {
            return new Probe(FLOAT32, "computing in float32: this CPU has no bfloat16 instructions");
        }
        double[] rates = rates();
        ComputeType type = rates[1] > rates[0] ? BFLOAT16 : FLOAT32;
        return new Probe(
                type,
                String.format(
                        Locale.ROOT,
                        "computing in %s: one core multiplies bfloat16 at %.0f and float32 at %.0f GFLOP/s",
                        type.label(),
                        rates[1],
                        rates[0]));
    }

    private static boolean hasBfloat16Instructions() {
        try {
            // The kernel's own list of CPU features; other systems have no such file and get float32.
            String features = Files.readString(Path.of("/proc/cpuinfo"));
            return features.contains(" amx_bf16 ") || features.contains(" avx512_bf16 ");
        } catch (IOException e) {
            return false;
        }
    }

    /** Returns GFLOP/s in float32 and in bfloat16: the best of several rounds in turn, because machines are shared. */
    private static double[] rates() {
        ComputeType[] types = {FLOAT32, BFLOAT16};
        double[] best = new double[types.length];
        // One thread: two of libtorch's may find themselves on one core, for as long as a probe takes.
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad();
                Threads.Alone _ = new Threads.Alone()) {
            Tensor[] factors = new Tensor[types.length];
            Tensor[] products = new Tensor[types.length];
            for (int i = 0; i < types.length; i++) {
                factors[i] = Tensors.full(Device.CPU, types[i].scalarType, 1, PROBE_SIZE, PROBE_SIZE);
                products[i] = Tensors.empty(Device.CPU, types[i].scalarType, PROBE_SIZE, PROBE_SIZE);
            }
            for (int round = 0; round < PROBE_ROUNDS; round++) {
                for (int i = 0; i < types.length; i++) {
                    long start = System.nanoTime();
                    torch.mm_out(products[i], factors[i], factors[i]);
                    double nanos = (double) (System.nanoTime() - start);
                    best[i] = Math.max(best[i], 2.0 * PROBE_SIZE * PROBE_SIZE * PROBE_SIZE / nanos);
                }
            }
        }
        return best;
    }
}
