package io.github.dpo4j.torch;

import io.github.dpo4j.UserError;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.global.torch;

/** How many threads libtorch's operations use. */
public final class Threads {
    private Threads() {}

    /** Sets the number of threads of this process's operations; 0 leaves libtorch's choice (the physical cores). */
    public static void set(int count) {
        if (count < 0) {
            throw new UserError("--threads is " + count + "; it must be at least 1, or 0 for libtorch's choice");
        }
        NativeLibrary.load();
        if (count > 0) {
            use(count);
        }
    }

    /** The threads of operations that this thread begins; OpenBLAS, which computes float32's products, has its own number. */
    private static void use(int count) {
        torch.set_num_threads(count);
        openblas_nolapack.blas_set_num_threads(count);
    }

    /** For the life of a thread that computes one part of something: its operations begin no threads and keep no graph. */
    public static void dedicate() {
        count(); // libtorch gives a thread its number when it is first asked for it
        torch.set_num_threads(1);
        GradMode.set_enabled(false);
    }

    /** Until closed, operations that this thread begins run on it alone. */
    public static final class Alone implements AutoCloseable {
        private final int before = count();

        public Alone() {
            use(1);
        }

        @Override
        public void close() {
            use(before);
        }
    }

    public static int count() {
        NativeLibrary.load();
        return torch.get_num_threads();
    }
}
