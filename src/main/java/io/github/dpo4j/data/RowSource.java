package io.github.dpo4j.data;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/** The rows of one file as bytes, one at a time, and the SHA-256 of the file once all have been read. Not thread-safe. */
final class RowSource implements Closeable {
    /** One row before it is parsed: the bytes of a line, or of an element of a JSON array. */
    @SuppressWarnings("ArrayRecordComponent") // lives for one row and is never compared
    record RawRow(long line, byte[] bytes, boolean tooLong) {}

    /** Cuts bytes into rows; null at the end. */
    interface Cutter {
        @Nullable
        RawRow next() throws IOException;
    }

    private final DigestInputStream onDisk;
    private final Cutter rows;

    private RowSource(DigestInputStream onDisk, Cutter rows) {
        this.onDisk = onDisk;
        this.rows = rows;
    }

    static RowSource open(Path file, int maxRowBytes) throws IOException {
        DigestInputStream onDisk = new DigestInputStream(Files.newInputStream(file), sha256());
        try {
            String name = String.valueOf(file.getFileName());
            boolean gzip = name.endsWith(".gz");
            BufferedInputStream in =
                    new BufferedInputStream(gzip ? new GZIPInputStream(onDisk, 1 << 16) : onDisk, 1 << 16);
            skipByteOrderMark(in);
            boolean array = (name.endsWith(".json") || name.endsWith(".json.gz")) && startsArray(in);
            return new RowSource(onDisk, array ? new ArrayCutter(in, maxRowBytes) : new LineCutter(in, maxRowBytes));
        } catch (IOException | RuntimeException e) {
            onDisk.close();
            throw e;
        }
    }

    @Nullable
    RawRow next() throws IOException {
        return rows.next();
    }

    /** Reads what is left of the file and returns its digest as lower-case hex. */
    String finishSha256() throws IOException {
        onDisk.transferTo(OutputStream.nullOutputStream());
        return HexFormat.of().formatHex(onDisk.getMessageDigest().digest());
    }

    @Override
    public void close() throws IOException {
        onDisk.close();
    }

    private static void skipByteOrderMark(InputStream in) throws IOException {
        in.mark(3);
        if (in.read() != 0xEF || in.read() != 0xBB || in.read() != 0xBF) {
            in.reset();
        }
    }

    private static boolean startsArray(InputStream in) throws IOException {
        int limit = 1 << 12;
        in.mark(limit);
        int first = ' ';
        for (int read = 0; read < limit && isBlank(first); read++) {
            first = in.read();
        }
        in.reset();
        return first == '[';
    }

    static boolean isBlank(int character) {
        return character == ' ' || character == '\t' || character == '\n' || character == '\r';
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }
}
