package io.github.dpo4j.torch;

import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The type of activations and matrix products. Master weights, losses and logps are float32 whichever is chosen. */
public enum ComputeType {
    FLOAT32(ScalarType.Float),
    BFLOAT16(ScalarType.BFloat16);

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

    /** Returns bfloat16 where the device multiplies it in hardware (AVX512-BF16, AMX, a GPU), else float32. */
    public static ComputeType fastestOn(Device device) {
        if (device.isCuda()) {
            return BFLOAT16;
        }
        try {
            // The kernel's own list of CPU features; other systems have no such file and get float32.
            String features = Files.readString(Path.of("/proc/cpuinfo"));
            return features.contains(" amx_bf16 ") || features.contains(" avx512_bf16 ") ? BFLOAT16 : FLOAT32;
        } catch (IOException e) {
            return FLOAT32;
        }
    }
}
