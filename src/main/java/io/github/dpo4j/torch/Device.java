package io.github.dpo4j.torch;

import io.github.dpo4j.UserError;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Where tensors live: {@code cpu}, or {@code cuda:N} with the CUDA profile. */
public record Device(String name) {
    public static final Device CPU = new Device("cpu");

    /** Returns the device of that name; throws {@link UserError} where this build or machine does not have it. */
    public static Device of(String name) {
        if (name.equals("cpu")) {
            return CPU;
        }
        if (!name.matches("cuda(:\\d+)?")) {
            throw new UserError("--device " + name + " is unknown; it is cpu, cuda or cuda:N");
        }
        NativeLibrary.load();
        if (!torch.cuda_is_available()) {
            throw new UserError(
                    "--device " + name + ": libtorch sees no CUDA device; build with -Pcuda on a machine that has one");
        }
        return new Device(name.equals("cuda") ? "cuda:0" : name);
    }

    /** Returns where a tensor lives. */
    public static Device of(Tensor tensor) {
        return tensor.is_cuda() ? new Device("cuda:" + tensor.device().index()) : CPU;
    }

    public boolean isCuda() {
        return name.startsWith("cuda");
    }

    /** Returns which of several GPUs it is, from 0. */
    byte index() {
        return Byte.parseByte(name.substring(name.indexOf(':') + 1));
    }

    /** Waits until a GPU has done what it was asked to; on a CPU everything is done when it is called. */
    public void await() {
        if (isCuda()) {
            try (TensorScope _ = new TensorScope()) {
                Tensors.zeros(this, ScalarType.Float, 1)
                        .item_float(); // reading stands in line behind all that was asked
            }
        }
    }

    /** Returns the options for a tensor of {@code type} here; owned by the innermost scope. */
    public TensorOptions options(ScalarType type) {
        NativeLibrary.load();
        TensorOptions options = new TensorOptions(type);
        return isCuda()
                ? options.device(new org.bytedeco.pytorch.DeviceOptional(new org.bytedeco.pytorch.Device(name)))
                : options;
    }
}
