package io.github.dpo4j.recipe;

import java.nio.file.Path;
import java.util.OptionalLong;

/** The most memory this process has held at a time. */
final class PeakMemory {
    private PeakMemory() {}

    /** Returns Linux's own high-water mark of resident bytes; empty on other systems, which keep none in a file. */
    static OptionalLong bytes() {
        OptionalLong kibibytes = FreeMemory.field(Path.of("/proc/self/status"), "VmHWM:");
        return kibibytes.isPresent() ? OptionalLong.of(kibibytes.getAsLong() * 1024) : kibibytes;
    }
}
