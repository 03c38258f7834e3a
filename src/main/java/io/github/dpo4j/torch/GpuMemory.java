package io.github.dpo4j.torch;

import java.util.OptionalLong;
import org.bytedeco.pytorch.cuda.DeviceStats;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch_cuda;

/** What libtorch's caching allocator holds of a GPU's memory. */
public final class GpuMemory {
    private GpuMemory() {}

    /** Returns the most bytes that tensors have had of the device at a time; empty for a CPU. */
    public static OptionalLong peakBytes(Device device) {
        if (!device.isCuda()) {
            return OptionalLong.empty();
        }
        try (TensorScope _ = new TensorScope()) {
            DeviceStats stats = torch_cuda.getDeviceAllocator(DeviceType.CUDA).getDeviceStats(device.index());
            // The first of an allocator's figures is that of all its pools.
            return OptionalLong.of(stats.allocated_bytes().peak());
        }
    }
}
