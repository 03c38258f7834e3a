package io.github.dpo4j.report;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * A file that went into a run, so that the run can be held against it later.
 *
 * @param role what it was: {@code dataset}, {@code eval_dataset}, {@code model}, {@code reference_model}
 * @param path as the user named it
 * @param bytes its length
 * @param sha256 64 hexadecimal digits
 */
public record HashedFile(String role, String path, long bytes, String sha256) {
    public HashedFile {
        path = Setting.withoutUrlUser(path);
    }

    /** Reads the whole file once and hashes it. */
    public static HashedFile of(String role, Path path) throws IOException {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every JDK has SHA-256.", e);
        }
        long bytes = 0;
        try (InputStream in = Files.newInputStream(path)) {
            byte[] buffer = new byte[1 << 16];
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                digest.update(buffer, 0, read);
                bytes += read;
            }
        }
        return new HashedFile(role, path.toString(), bytes, HexFormat.of().formatHex(digest.digest()));
    }
}
