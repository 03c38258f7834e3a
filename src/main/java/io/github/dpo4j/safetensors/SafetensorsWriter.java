package io.github.dpo4j.safetensors;

import com.fasterxml.jackson.core.JsonGenerator;
import io.github.dpo4j.UserError;
import io.github.dpo4j.file.AtomicFiles;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Writes safetensors files tensor by tensor, so that memory holds one tensor at most, and each file whole or not at all. The
 * header is formatted as the reference library does, so an unchanged file comes out byte for byte the same.
 */
public final class SafetensorsWriter {
    private static final int CHUNK_BYTES = 1 << 18;

    private SafetensorsWriter() {}

    /** Supplies tensors; called once for each, in the order of the file. */
    @FunctionalInterface
    public interface Source {
        /** Writes all bytes of {@code tensor}, in its dtype, little-endian and row-major, in one piece or several. */
        void writeTo(TensorSpec tensor, Sink sink) throws IOException;
    }

    /** Takes the bytes of one tensor in order; they are copied before {@code write} returns. */
    @FunctionalInterface
    public interface Sink {
        void write(MemorySegment bytes) throws IOException;
    }

    /**
     * Replaces {@code file} by one with {@code tensors} in this order. On any failure the old file stays; if the disk is full
     * or the folder unwritable this throws UserError.
     */
    public static void write(Path file, List<TensorSpec> tensors, Map<String, String> metadata, Source source) {
        byte[] header = header(tensors, metadata);
        atomically(file, out -> {
            out.write(ByteBuffer.allocate(Long.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(header.length)
                    .array());
            out.write(header);
            for (TensorSpec tensor : tensors) {
                CountingSink sink = new CountingSink(out, tensor);
                source.writeTo(tensor, sink);
                sink.checkComplete();
            }
        });
    }

    /**
     * Writes the weights of a model folder, which is created if absent: the layout's files, then the index if they are shards.
     * Throws UserError if the folder holds other weights, or any where shards are to be written: a reader could mix old and
     * new. After a failure the shards written so far are gone, so nothing can take them for a model.
     */
    public static void writeFolder(Path folder, Layout layout, Source source) {
        refuseOtherWeights(folder, layout);
        List<Path> written = new ArrayList<>();
        try {
            for (Layout.File file : layout.files()) {
                Path path = folder.resolve(file.name());
                write(path, file.tensors(), file.metadata(), source);
                written.add(path);
            }
            if (layout.sharded()) {
                atomically(folder.resolve(ShardIndex.NAME), out -> ShardIndex.write(layout, out));
            }
        } catch (RuntimeException | Error e) {
            delete(written, e);
            throw e;
        }
    }

    private static void delete(List<Path> files, Throwable because) {
        for (Path file : files) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                because.addSuppressed(e);
            }
        }
    }

    private static void refuseOtherWeights(Path folder, Layout layout) {
        Set<String> names =
                new HashSet<>(layout.files().stream().map(Layout.File::name).toList());
        try {
            Files.createDirectories(folder);
            try (Stream<Path> entries = Files.list(folder)) {
                entries.map(entry -> entry.getFileName().toString())
                        .filter(name -> names.contains(name)
                                || name.equals(ShardIndex.NAME)
                                || (name.startsWith("model") && name.endsWith(ShardIndex.SUFFIX)))
                        .filter(name -> layout.sharded() || !name.equals(SafetensorsFolder.SINGLE))
                        .sorted()
                        .findFirst()
                        .ifPresent(name -> {
                            throw new UserError(folder + ": already holds weights (" + Words.oneLine(name)
                                    + ") that would mix with the new ones; choose an empty folder or delete them");
                        });
            }
        } catch (UncheckedIOException e) {
            throw unwritable(folder, new IOException(e));
        } catch (IOException e) {
            throw unwritable(folder, e);
        }
    }

    private static void atomically(Path file, AtomicFiles.Body body) {
        try {
            AtomicFiles.write(file, body);
        } catch (IOException e) {
            throw unwritable(file, e);
        }
    }

    private static UserError unwritable(Path path, IOException e) {
        return new UserError(
                path + ": cannot be written (" + Words.reason(e)
                        + "); check that the folder exists, is writable and has" + " free space",
                e);
    }

    /** The JSON header, padded with spaces so that the data section starts at a multiple of 8. */
    private static byte[] header(List<TensorSpec> tensors, Map<String, String> metadata) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Set<String> names = new HashSet<>();
        long end = 0;
        try (JsonGenerator json = StrictJson.FACTORY.createGenerator(bytes)) {
            json.writeStartObject();
            if (!metadata.isEmpty()) {
                json.writeObjectFieldStart(Header.METADATA);
                for (Map.Entry<String, String> entry : metadata.entrySet()) {
                    json.writeStringField(entry.getKey(), entry.getValue());
                }
                json.writeEndObject();
            }
            for (TensorSpec tensor : tensors) {
                checkName(tensor.name(), names);
                long begin = end;
                end = Math.addExact(begin, tensor.bytes());
                writeTensor(json, tensor, begin, end);
            }
            json.writeEndObject();
        } catch (IOException e) {
            throw new IllegalArgumentException("the metadata or a tensor name is not valid Unicode", e);
        }
        while (bytes.size() % Long.BYTES != 0) {
            bytes.write(' ');
        }
        if (bytes.size() > Header.MOST_BYTES) {
            throw new IllegalArgumentException("the header has " + bytes.size() + " bytes, too many for the format");
        }
        return bytes.toByteArray();
    }

    private static void checkName(String name, Set<String> names) {
        if (name.equals(Header.METADATA) || !Header.isUnicode(name) || !names.add(name)) {
            throw new IllegalArgumentException("reserved, repeated or not Unicode: tensor name " + Words.quoted(name));
        }
    }

    private static void writeTensor(JsonGenerator json, TensorSpec tensor, long begin, long end) throws IOException {
        json.writeObjectFieldStart(tensor.name());
        json.writeStringField("dtype", tensor.dtype().name());
        json.writeArrayFieldStart("shape");
        for (long dimension : tensor.shape()) {
            json.writeNumber(dimension);
        }
        json.writeEndArray();
        json.writeArrayFieldStart("data_offsets");
        json.writeNumber(begin);
        json.writeNumber(end);
        json.writeEndArray();
        json.writeEndObject();
    }

    /** A source that is wrong about a tensor's size would shift all that follow. */
    private static final class CountingSink implements Sink {
        private final OutputStream out;
        private final TensorSpec tensor;
        private long written;

        CountingSink(OutputStream out, TensorSpec tensor) {
            this.out = out;
            this.tensor = tensor;
        }

        @Override
        public void write(MemorySegment bytes) throws IOException {
            if (bytes.byteSize() > tensor.bytes() - written) {
                throw wrongSize("at least " + (written + bytes.byteSize()));
            }
            byte[] chunk = new byte[(int) Math.min(CHUNK_BYTES, bytes.byteSize())];
            for (long at = 0; at < bytes.byteSize(); at += chunk.length) {
                int length = (int) Math.min(chunk.length, bytes.byteSize() - at);
                MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, at, chunk, 0, length);
                out.write(chunk, 0, length);
            }
            written += bytes.byteSize();
        }

        void checkComplete() {
            if (written != tensor.bytes()) {
                throw wrongSize(Long.toString(written));
            }
        }

        private IllegalStateException wrongSize(String given) {
            return new IllegalStateException("the source gave " + given + " bytes for tensor "
                    + Words.quoted(tensor.name()) + ", which has " + tensor.bytes());
        }
    }
}
