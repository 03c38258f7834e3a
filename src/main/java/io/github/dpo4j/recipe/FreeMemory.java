package io.github.dpo4j.recipe;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Stream;

/** How much memory this process may still take: what Linux calls available, or what its control group leaves if that is less. */
final class FreeMemory {
    private FreeMemory() {}

    /** The files in which a version of control groups keeps limit, usage, and the file cache that makes way. */
    private record Names(String limit, String usage, String reclaimable) {}

    private static final List<Names> VERSIONS = List.of(
            new Names("memory.max", "memory.current", "inactive_file"),
            new Names("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"));

    static long bytes() {
        return bytes(Path.of("/proc/meminfo"), Path.of("/sys/fs/cgroup"));
    }

    /** Returns how much this process may have in all: what is free, and what it holds already beside files. */
    static long ofProcess() {
        long held = field(Path.of("/proc/self/status"), "RssAnon:").orElse(0) * 1024;
        return bytes() + held;
    }

    static long bytes(Path meminfo, Path controlGroup) {
        long machine = field(meminfo, "MemAvailable:").stream()
                .map(kibibytes -> kibibytes * 1024)
                .findFirst()
                .orElseGet(FreeMemory::withoutProc);
        long room = machine;
        for (Names names : VERSIONS) {
            OptionalLong limit = number(controlGroup.resolve(names.limit()));
            OptionalLong usage = number(controlGroup.resolve(names.usage()));
            if (limit.isPresent() && usage.isPresent()) {
                Path statistics = controlGroup.resolve(names.limit()).resolveSibling("memory.stat");
                long reclaimable = field(statistics, names.reclaimable()).orElse(0);
                room = Math.min(room, limit.getAsLong() - usage.getAsLong() + reclaimable);
            }
        }
        return Math.max(0, room);
    }

    /** All of the machine's: what other systems call free leaves out what they would give back at once. */
    private static long withoutProc() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
                ? system.getTotalMemorySize()
                : Long.MAX_VALUE;
    }

    /** The number after a name in a file of lines; empty where there is none. */
    static OptionalLong field(Path file, String name) {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.filter(line -> line.startsWith(name + " ") || line.startsWith(name + "\t"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .findFirst();
        } catch (IOException | NumberFormatException e) {
            return OptionalLong.empty();
        }
    }

    /** A file's only number; empty where it has another word, as an unlimited group does. */
    private static OptionalLong number(Path file) {
        try {
            return OptionalLong.of(Long.parseLong(Files.readString(file).strip()));
        } catch (IOException | NumberFormatException e) {
            return OptionalLong.empty();
        }
    }
}
