package io.github.dpo4j.safetensors;

import io.github.dpo4j.UserError;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;

/**
 * A safetensors file, mapped into memory and validated on opening. Any thread may read; closing unmaps, after which the
 * segments of {@link #data} throw IllegalStateException (native code that kept an address would crash). The file must not
 * shrink while it is open.
 */
public final class SafetensorsFile implements AutoCloseable {
    private final Path path;
    private final Arena arena;
    private final MemorySegment data;
    private final Header header;

    private SafetensorsFile(Path path, Arena arena, MemorySegment data, Header header) {
        this.path = path;
        this.arena = arena;
        this.data = data;
        this.header = header;
    }

    /** Opens {@code path}; throws UserError if it is missing, truncated or in any way not what the format asks for. */
    public static SafetensorsFile open(Path path) {
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw new UserError(path + ": is not a regular file; give the path of a safetensors file");
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            long size = channel.size();
            if (size < Long.BYTES) {
                throw Header.broken(path, "the file is truncated: it has " + size + " bytes, too few for a header");
            }
            long headerBytes =
                    read(channel, 0, Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).getLong();
            checkHeaderBytes(path, headerBytes, size);
            long dataStart = Long.BYTES + headerBytes;
            Header header = Header.parse(
                    path, read(channel, Long.BYTES, (int) headerBytes).array(), size - dataStart);
            return map(path, channel, dataStart, size, header);
        } catch (IOException e) {
            throw new UserError(
                    path + ": cannot be read (" + Words.reason(e) + "); check that the file exists and is readable", e);
        }
    }

    /** Before anything is allocated: a length is only believed if the file could hold it. */
    private static void checkHeaderBytes(Path path, long headerBytes, long size) {
        if (headerBytes < 0 || headerBytes > Header.MOST_BYTES) {
            throw Header.broken(
                    path,
                    "the file claims a header of " + Long.toUnsignedString(headerBytes) + " bytes, more than the "
                            + Header.MOST_BYTES + " that the format allows, so this is not a safetensors file");
        }
        if (headerBytes > size - Long.BYTES) {
            throw Header.broken(
                    path,
                    "the file is truncated: it claims a header of " + headerBytes + " bytes but has " + size
                            + " bytes in all");
        }
    }

    private static SafetensorsFile map(Path path, FileChannel channel, long dataStart, long size, Header header)
            throws IOException {
        Arena arena = Arena.ofShared();
        try {
            MemorySegment data = channel.map(FileChannel.MapMode.READ_ONLY, dataStart, size - dataStart, arena);
            return new SafetensorsFile(path, arena, data, header);
        } catch (IOException | RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    private static ByteBuffer read(FileChannel channel, long position, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, position + bytes.position()) < 0) {
                throw new EOFException("the file shrank while it was read");
            }
        }
        return bytes.flip();
    }

    public Path path() {
        return path;
    }

    /** The tensors by name, in the order of their bytes. */
    public Map<String, TensorInfo> tensors() {
        return header.tensors();
    }

    /** The file's {@code __metadata__}, in order; empty if it has none. */
    public Map<String, String> metadata() {
        return header.metadata();
    }

    /**
     * The tensor's bytes, read-only, little-endian, row-major. Old files do not align their tensors, so read elements with
     * the unaligned layouts. Throws IllegalArgumentException if there is no such tensor.
     */
    public MemorySegment data(String name) {
        TensorInfo tensor = tensors().get(name);
        if (tensor == null) {
            throw new IllegalArgumentException(path + " has no tensor " + Words.quoted(name));
        }
        return data.asSlice(tensor.begin(), tensor.bytes()).asReadOnly();
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
