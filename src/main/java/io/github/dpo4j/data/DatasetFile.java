package io.github.dpo4j.data;

import java.nio.file.Path;

/** A dataset file as it was read: its path, the lower-case hex SHA-256 of its bytes on disk, and its rows, bad ones included. */
public record DatasetFile(Path file, String sha256, long rows) {}
