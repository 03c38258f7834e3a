package io.github.dpo4j.report;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Appends to a {@link MetricsLog} on a thread of its own, in the order of the calls, so that no step waits for a disk. After a
 * line that could not be written none is; the next call throws why.
 */
public final class MetricsWriter implements AutoCloseable {
    private final MetricsLog log;
    private final ExecutorService thread = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("dpo4j-metrics").factory());
    private CompletableFuture<Void> written = CompletableFuture.completedFuture(null);

    /** The log is the writer's from now on, and closed with it. */
    public MetricsWriter(MetricsLog log) {
        this.log = log;
    }

    /** Hands a line to the thread; throws if an earlier one could not be written. */
    public void append(MetricsLine line) throws IOException {
        if (written.isCompletedExceptionally()) {
            await();
        }
        written = written.thenRunAsync(() -> write(line), thread);
    }

    private void write(MetricsLine line) {
        try {
            log.append(line);
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    /** Makes the lines so far survive a power cut, and returns their bytes: where the next line begins. */
    public long force() throws IOException {
        await();
        log.force();
        return log.position();
    }

    /** Waits until the lines so far are written. */
    private void await() throws IOException {
        try {
            written.join();
        } catch (CompletionException e) {
            switch (e.getCause()) {
                case UncheckedIOException cause -> throw new IOException(cause.getMessage(), cause);
                case RuntimeException cause -> throw cause;
                case Error cause -> throw cause;
                case null, default -> throw e;
            }
        }
    }

    /** Writes what is left, then closes the log. */
    @Override
    public void close() throws IOException {
        try (log;
                thread) {
            await();
        }
    }
}
