package io.github.dpo4j.recipe;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FreeMemoryTest {
    private final Path folder;
    private final Path meminfo;

    FreeMemoryTest(@TempDir Path folder) {
        this.folder = folder;
        this.meminfo = folder.resolve("meminfo");
    }

    @BeforeEach
    void aMachineWith8000KibibytesAvailable() throws IOException {
        Files.writeString(meminfo, "MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:    8000 kB\n");
    }

    @Test
    void isWhatTheMachineHasAvailable() {
        assertThat(FreeMemory.bytes(meminfo, folder)).isEqualTo(8000 * 1024);
    }

    @Test
    void anUnlimitedControlGroupChangesNothing() throws IOException {
        Files.writeString(folder.resolve("memory.max"), "max\n");
        Files.writeString(folder.resolve("memory.current"), "5000\n");
        assertThat(FreeMemory.bytes(meminfo, folder)).isEqualTo(8000 * 1024);
    }

    @Test
    void isWhatTheControlGroupLeavesAndTheFileCacheInItCounts() throws IOException {
        Files.writeString(folder.resolve("memory.max"), "100000\n");
        Files.writeString(folder.resolve("memory.current"), "70000\n");
        assertThat(FreeMemory.bytes(meminfo, folder)).isEqualTo(30000);
        Files.writeString(folder.resolve("memory.stat"), "anon 50000\ninactive_file 15000\n");
        assertThat(FreeMemory.bytes(meminfo, folder)).isEqualTo(45000);
    }

    @Test
    void controlGroupsOfTheFirstVersionCountToo() throws IOException {
        Path memory = Files.createDirectory(folder.resolve("memory"));
        Files.writeString(memory.resolve("memory.limit_in_bytes"), "100000\n");
        Files.writeString(memory.resolve("memory.usage_in_bytes"), "120000\n");
        assertThat(FreeMemory.bytes(meminfo, folder)).isZero();
    }

    @Test
    void thisMachineHasSome() {
        assertThat(FreeMemory.bytes()).isPositive();
        assertThat(FreeMemory.ofProcess()).isPositive();
        assertThat(FreeMemory.bytes(folder.resolve("none"), folder)).isPositive();
    }
}
