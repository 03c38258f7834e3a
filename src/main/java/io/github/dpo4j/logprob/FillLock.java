package io.github.dpo4j.logprob;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** One process, and in it one thread, fills a store at a time; the system lets go of the lock when its holder dies, however it dies. */
public final class FillLock implements AutoCloseable {
    private static final Duration BETWEEN_TRIES = Duration.ofMillis(200);

    private final FileChannel channel;

    private FillLock(FileChannel channel) {
        this.channel = channel;
    }

    static FillLock of(Path file, Runnable waiting) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            if (!taken(channel)) {
                waiting.run();
                do {
                    Thread.sleep(BETWEEN_TRIES);
                } while (!taken(channel));
            }
            return new FillLock(channel);
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        } catch (InterruptedException e) {
            channel.close();
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for " + file);
        }
    }

    private static boolean taken(FileChannel channel) throws IOException {
        try {
            @Nullable FileLock lock = channel.tryLock();
            return lock != null;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    /** Lets go; the file stays, since another process may be waiting on it. */
    @Override
    public void close() throws IOException {
        channel.close();
    }
}
