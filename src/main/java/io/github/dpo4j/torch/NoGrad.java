package io.github.dpo4j.torch;

import org.bytedeco.pytorch.NoGradGuard;

/** Switches gradients off for this thread until closed. */
public final class NoGrad implements AutoCloseable {
    private final NoGradGuard guard;

    public NoGrad() {
        NativeLibrary.load();
        this.guard = new NoGradGuard();
    }

    @Override
    public void close() {
        guard.close();
    }
}
