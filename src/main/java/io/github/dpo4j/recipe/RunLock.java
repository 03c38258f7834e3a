package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** Keeps a second process out of an output folder; the system lets go of it when this one dies, however it dies. */
final class RunLock implements AutoCloseable {
    static final String NAME = ".lock";

    private final Path file;
    private final FileChannel channel;

    private RunLock(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /** Takes the lock of {@code folder}; throws {@link UserError} where another run has it. */
    static RunLock of(Path folder) throws IOException {
        Path file = folder.resolve(NAME);
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        if (!taken(channel)) {
            channel.close();
            throw new UserError(folder + " is in use by another run of dpo4j; wait for it, or choose another --output");
        }
        return new RunLock(file, channel);
    }

    private static boolean taken(FileChannel channel) throws IOException {
        try {
            @Nullable FileLock lock = channel.tryLock();
            return lock != null;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    @Override
    public void close() throws IOException {
        Files.deleteIfExists(file);
        channel.close();
    }
}
