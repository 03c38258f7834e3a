package io.github.dpo4j.safetensors;

import io.github.dpo4j.UserError;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 as 64 lower-case hex digits, for manifests; streams, so the size of what is hashed does not matter. */
public final class Sha256 {
    private static final int CHUNK_BYTES = 1 << 18;

    private Sha256() {}

    /** The digest of a file; throws UserError if it cannot be read. */
    public static String of(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return of(in);
        } catch (IOException e) {
            throw new UserError(
                    file + ": cannot be read (" + Words.reason(e) + "); check that the file exists and is readable", e);
        }
    }

    /** The digest of what is left of {@code in}, which stays open. */
    public static String of(InputStream in) throws IOException {
        MessageDigest digest = digest();
        byte[] chunk = new byte[CHUNK_BYTES];
        for (int read = in.read(chunk); read >= 0; read = in.read(chunk)) {
            digest.update(chunk, 0, read);
        }
        return hex(digest);
    }

    public static String of(MemorySegment bytes) {
        MessageDigest digest = digest();
        for (long at = 0; at < bytes.byteSize(); at += CHUNK_BYTES) {
            digest.update(bytes.asSlice(at, Math.min(CHUNK_BYTES, bytes.byteSize() - at))
                    .asByteBuffer());
        }
        return hex(digest);
    }

    public static String of(byte[] bytes) {
        return of(MemorySegment.ofArray(bytes));
    }

    private static String hex(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
