package io.github.dpo4j.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.recipe.RunFolder;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.Threads;
import java.nio.file.Path;
import java.util.Optional;
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

    /** As asked for, else as the run in {@code resumed} was begun, else as a probe finds. */
    ComputeType computeType(Device on, Optional<Path> resumed) {
        if (dtype != null) {
            return ComputeType.of(dtype);
        }
        Optional<String> recorded =
                resumed.flatMap(folder -> RunFolder.recorded(folder, "dtype")).map(JsonNode::asText);
        if (recorded.isPresent()) {
            System.err.println("computing in " + recorded.get() + ": the run was begun so");
            return ComputeType.of(recorded.get());
        }
        return probed(on);
    }

    ComputeType computeType(Device on) {
        return computeType(on, Optional.empty());
    }

    private static ComputeType probed(Device on) {
        ComputeType.Probe probe = ComputeType.probe(on);
        System.err.println(probe.reason());
        return probe.type();
    }
}
