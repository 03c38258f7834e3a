package io.github.dpo4j.data;

import java.nio.file.Path;

/** Where a row came from: its file and its 1-based line (for a JSON array, its 1-based element). */
public record Origin(Path file, long line) {
    @Override
    public String toString() {
        return file + ":" + line;
    }
}
