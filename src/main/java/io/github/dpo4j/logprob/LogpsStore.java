package io.github.dpo4j.logprob;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.file.AtomicFiles;
import io.github.dpo4j.safetensors.Sha256;
import io.github.dpo4j.text.TokenizedPreference;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;

/**
 * A folder with the token logps of some pairs under one model: logps.f32, and manifest.json, which comes last and vouches for
 * all of them. Without a manifest the folder is empty or being filled. docs/data-formats.md has the layout.
 */
public final class LogpsStore {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Part of every key: a change of it makes all stores anew. */
    public static final int FORMAT = 1;

    static final String MANIFEST = "manifest.json";

    private final Path folder;
    private final String key;
    private final List<TokenizedPreference> pairs;
    private final LogpsLayout layout;

    /** {@code key} stands for all that the logps of {@code pairs} depend on; the store is the folder of that name in {@code parent}. */
    public LogpsStore(Path parent, String key, List<? extends TokenizedPreference> pairs) {
        this.folder = parent.resolve(key);
        this.key = key;
        this.pairs = List.copyOf(pairs);
        this.layout = LogpsLayout.of(this.pairs);
    }

    /** What is in the folder. */
    public sealed interface State {
        /** No manifest: nothing, or what an interrupted filling left. */
        record Unfinished() implements State {}

        /** A manifest that the values do not match, and why. */
        record Damaged(String reason) implements State {}

        /** All pairs; {@code sha256} of the values as they were read just now. */
        record Complete(String sha256) implements State {}
    }

    public Path folder() {
        return folder;
    }

    public String key() {
        return key;
    }

    public List<TokenizedPreference> pairs() {
        return pairs;
    }

    /** Returns the file of the values. */
    public Path values() {
        return folder.resolve("logps.f32");
    }

    /** Returns the file that says which pairs are filled, as long as not all are. */
    Path marks() {
        return folder.resolve("filled.crc32");
    }

    /** Returns the size of the values when all are there. */
    public long bytes() {
        return layout.bytes();
    }

    LogpsLayout layout() {
        return layout;
    }

    /** Reads manifest and values and holds one against the other. */
    public State state() throws IOException {
        Path manifest = folder.resolve(MANIFEST);
        if (!Files.exists(manifest)) {
            return new State.Unfinished();
        }
        JsonNode json;
        try {
            json = JSON.readTree(Files.readAllBytes(manifest));
        } catch (JacksonException e) {
            return new State.Damaged(MANIFEST + " cannot be read");
        }
        if (json.path("format").asInt() != FORMAT
                || !json.path("key").asText().equals(key)
                || json.path("pairs").asLong(-1) != layout.examples()
                || json.path("tokens").asLong(-1) != layout.tokens()) {
            return new State.Damaged(MANIFEST + " belongs to other examples");
        }
        if (!Files.isRegularFile(values())) {
            return new State.Damaged(values().getFileName() + " is missing");
        }
        if (Files.size(values()) != layout.bytes()) {
            return new State.Damaged(
                    values().getFileName() + " has " + Files.size(values()) + " bytes instead of " + layout.bytes());
        }
        String sha256 = Sha256.of(values());
        return sha256.equals(json.path("sha256").asText())
                ? new State.Complete(sha256)
                : new State.Damaged("the checksum of " + values().getFileName() + " is not that of " + MANIFEST);
    }

    /** Maps the values of a store whose {@link #state} is complete, for as long as {@code arena} is open. */
    public StoredLogps map(Arena arena) throws IOException {
        try (FileChannel channel = FileChannel.open(values(), StandardOpenOption.READ)) {
            MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, layout.bytes(), arena);
            return new StoredLogps(mapped, layout, pairs);
        }
    }

    /** Makes the folder, and keeps other processes from filling it; waits for one that does, after telling {@code waiting} once. */
    public FillLock lock(Runnable waiting) throws IOException {
        Files.createDirectories(folder);
        return FillLock.of(folder.resolve(".lock"), waiting);
    }

    /** Deletes all that a filling would build on. Needs the lock. */
    public void clear() throws IOException {
        // The manifest goes first: without it the rest is nothing but unfinished.
        Files.deleteIfExists(folder.resolve(MANIFEST));
        Files.deleteIfExists(marks());
        Files.deleteIfExists(values());
    }

    /** Writes the manifest: from here on the store is complete. */
    void seal(Map<String, String> about) throws IOException {
        ObjectNode json = JSON.createObjectNode();
        json.put("format", FORMAT);
        json.put("key", key);
        about.forEach(json::put);
        json.put("pairs", layout.examples());
        json.put("tokens", layout.tokens());
        json.put("sha256", Sha256.of(values()));
        AtomicFiles.writeText(
                folder.resolve(MANIFEST), JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json) + "\n");
        Files.deleteIfExists(marks());
    }
}
