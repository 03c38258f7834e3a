package io.github.dpo4j.cli;

import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.Threads;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where and in what type to compute. */
final class TorchOptions {
    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "compute type: float32 or bfloat16 (float32 master weights); default: bfloat16 where the CPU"
                    + " or GPU multiplies it in hardware, else float32")
    @Nullable
    String dtype;

    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            description = "cpu, cuda or cuda:N (default: ${DEFAULT-VALUE})",
            defaultValue = "cpu")
    String device = "cpu";

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "CPU threads; 0 for libtorch's choice, the physical cores (default: ${DEFAULT-VALUE})",
            defaultValue = "0")
    int threads;

    /** Sets the threads and returns the device; call it before anything else touches libtorch. */
    Device start() {
        Threads.set(threads);
        return Device.of(device);
    }

    ComputeType computeType(Device on) {
        if (dtype != null) {
            return ComputeType.of(dtype);
        }
        ComputeType.Probe probe = ComputeType.probe(on);
        System.err.println(probe.reason());
        return probe.type();
    }
}
