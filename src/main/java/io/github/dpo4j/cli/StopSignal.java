package io.github.dpo4j.cli;

import io.github.dpo4j.recipe.StopRequest;

/**
 * Ctrl-C and SIGTERM: the JVM begins to shut down; a training run sees it after the step under way and writes a checkpoint, and
 * only then does the JVM end, with 130 or 143 as it does of itself. Outside training there is nothing to wait for.
 */
final class StopSignal implements StopRequest {
    static final StopSignal INSTANCE = new StopSignal();

    private volatile boolean requested;
    private boolean armed;
    private boolean training;

    private StopSignal() {}

    /** From now on a signal waits for training to come to a stop. */
    synchronized StopSignal arm() {
        if (!armed) {
            armed = true;
            Runtime.getRuntime().addShutdownHook(new Thread(this::request, "stop-signal"));
        }
        return this;
    }

    private synchronized void request() {
        requested = true;
        try {
            while (training) {
                wait();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public synchronized void trainingBegins() {
        training = true;
    }

    @Override
    public synchronized void trainingEnds() {
        training = false;
        notifyAll();
    }

    @Override
    public boolean getAsBoolean() {
        return requested;
    }
}
