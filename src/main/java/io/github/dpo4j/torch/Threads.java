package io.github.dpo4j.torch;

import io.github.dpo4j.UserError;
import org.bytedeco.pytorch.global.torch;

/** libtorch's worker threads: set once, before the first parallel operation. */
public final class Threads {
    private Threads() {}

    /** Sets the number of threads of this process's operations; 0 leaves libtorch's choice (the physical cores). */
    public static void set(int count) {
        if (count < 0) {
            throw new UserError("--threads is " + count + "; it must be at least 1, or 0 for libtorch's choice");
        }
        NativeLibrary.load();
        if (count > 0) {
            torch.set_num_threads(count);
        }
    }

    public static int count() {
        NativeLibrary.load();
        return torch.get_num_threads();
    }
}
