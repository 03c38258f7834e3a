package io.github.dpo4j.logprob;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.BitSet;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.zip.CRC32;

/**
 * A store that is being filled. Each pair has a mark, the CRC-32 of its values (0 until then), so what counts as filled proves
 * itself: after a kill or a power cut, in whatever order the system wrote, only whole pairs are found again.
 */
public final class PartialLogps implements AutoCloseable {
    private final LogpsStore store;
    private final LogpsLayout layout;
    private final FileChannel values;
    private final FileChannel marks;
    private final BitSet filled;

    private PartialLogps(LogpsStore store, FileChannel values, FileChannel marks) throws IOException {
        this.store = store;
        this.layout = store.layout();
        this.values = values;
        this.marks = marks;
        this.filled = find();
    }

    /** Continues what is there, or begins. Needs the store's lock. */
    public static PartialLogps open(LogpsStore store) throws IOException {
        FileChannel values = sized(store.values(), store.layout().bytes());
        try {
            FileChannel marks =
                    sized(store.marks(), (long) Integer.BYTES * store.layout().examples());
            try {
                return new PartialLogps(store, values, marks);
            } catch (IOException | RuntimeException e) {
                marks.close();
                throw e;
            }
        } catch (IOException | RuntimeException e) {
            values.close();
            throw e;
        }
    }

    /** Opens a file of {@code bytes} bytes; one of another size becomes all zeros. */
    private static FileChannel sized(Path file, long bytes) throws IOException {
        FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        if (channel.size() != bytes) {
            channel.truncate(0);
            channel.write(ByteBuffer.allocate(1), bytes - 1);
        }
        return channel;
    }

    private BitSet find() throws IOException {
        BitSet found = new BitSet();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment all = values.map(FileChannel.MapMode.READ_ONLY, 0, layout.bytes(), arena);
            ByteBuffer crcs = marks.map(FileChannel.MapMode.READ_ONLY, 0, marks.size(), arena)
                    .asByteBuffer()
                    .order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < layout.examples(); i++) {
                int mark = crcs.getInt(Integer.BYTES * i);
                long start = Float.BYTES * layout.start(i);
                long bytes = Float.BYTES * (long) layout.tokens(i, i + 1);
                found.set(i, mark != 0 && mark == crc(all.asSlice(start, bytes).asByteBuffer()));
            }
        }
        return found;
    }

    private static int crc(ByteBuffer bytes) {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return (int) crc.getValue();
    }

    /** Returns how many pairs are filled. */
    public int filled() {
        return filled.cardinality();
    }

    /** True if all pairs of [from, to) are filled. */
    public boolean filled(int from, int to) {
        return filled.nextClearBit(from) >= to;
    }

    /**
     * Fills the pairs [from, to).
     *
     * @param logps of their tokens in the order of a pack: the best completions, then those ranked next
     */
    public void fill(int from, int to, float[] logps) throws IOException {
        if (logps.length != layout.tokens(from, to)) {
            throw new IllegalArgumentException(logps.length + " logps for " + layout.tokens(from, to) + " tokens");
        }
        ByteBuffer pairs = ByteBuffer.allocate(Float.BYTES * logps.length).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer crcs = ByteBuffer.allocate(Integer.BYTES * (to - from)).order(ByteOrder.LITTLE_ENDIAN);
        layout.inPack(
                IntStream.range(from, to).toArray(),
                (packed, stored, count) ->
                        pairs.asFloatBuffer().put(Math.toIntExact(stored - layout.start(from)), logps, packed, count));
        for (int i = from; i < to; i++) {
            int start = Math.toIntExact(layout.start(i) - layout.start(from));
            crcs.putInt(crc(pairs.slice(Float.BYTES * start, Float.BYTES * layout.tokens(i, i + 1))));
        }
        write(values, pairs, Float.BYTES * layout.start(from));
        write(marks, crcs.flip(), (long) Integer.BYTES * from);
        filled.set(from, to);
    }

    private static void write(FileChannel channel, ByteBuffer bytes, long position) throws IOException {
        long start = position;
        while (bytes.hasRemaining()) {
            start += channel.write(bytes, start);
        }
    }

    /**
     * Makes the store complete, durably; {@code about} says in words what it belongs to.
     *
     * @throws IllegalStateException if a pair is not filled
     */
    public void seal(Map<String, String> about) throws IOException {
        if (!filled(0, layout.examples())) {
            throw new IllegalStateException("only " + filled() + " of " + layout.examples() + " pairs are filled");
        }
        values.force(true);
        marks.close();
        store.seal(about);
    }

    @Override
    public void close() throws IOException {
        try (values) {
            marks.close();
        }
    }
}
