package io.github.dpo4j.cli;

import java.util.concurrent.CountDownLatch;
import java.util.function.BooleanSupplier;

/**
 * Ctrl-C and SIGTERM: the JVM begins to shut down, training sees it after the step under way and writes a checkpoint, and only
 * then does the JVM end, with 130 or 143 as it does of itself.
 */
final class StopSignal implements BooleanSupplier {
    static final StopSignal INSTANCE = new StopSignal();

    private final CountDownLatch released = new CountDownLatch(1);
    private volatile boolean requested;
    private boolean armed;

    private StopSignal() {}

    /** From now on a signal waits for the run to come to a stop. */
    synchronized StopSignal arm() {
        if (!armed) {
            armed = true;
            Runtime.getRuntime().addShutdownHook(new Thread(this::request, "stop-signal"));
        }
        return this;
    }

    private void request() {
        requested = true;
        try {
            released.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The run has come to a stop, or there was none: the JVM may end. */
    void released() {
        released.countDown();
    }

    @Override
    public boolean getAsBoolean() {
        return requested;
    }
}
