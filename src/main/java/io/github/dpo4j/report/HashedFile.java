package io.github.dpo4j.report;

import io.github.dpo4j.safetensors.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

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
        return new HashedFile(role, path.toString(), Files.size(path), Sha256.of(path));
    }
}
