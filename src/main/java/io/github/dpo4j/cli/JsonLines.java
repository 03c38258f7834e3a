package io.github.dpo4j.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.file.AtomicFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/** Output files of commands: a JSON object a line, whole or absent. */
final class JsonLines {
    private JsonLines() {}

    /** Makes sure, before any work is done for it, that {@code file} can be written; makes its folder. */
    static void prepare(Path file) {
        Path folder = file.toAbsolutePath().normalize().getParent();
        if (Files.isDirectory(file) || folder == null) {
            throw new UserError("--output " + file + " is a folder; it must be a file");
        }
        try {
            Files.createDirectories(folder);
            Files.delete(Files.createTempFile(folder, ".dpo4j", ".probe"));
        } catch (IOException e) {
            throw new UserError("--output " + file + " cannot be written (" + AtomicFiles.reason(e) + ")", e);
        }
    }

    static <T> void write(Path file, List<T> items, Function<T, ObjectNode> line) {
        ObjectMapper json = new ObjectMapper();
        try {
            AtomicFiles.write(file, out -> {
                for (T item : items) {
                    out.write(json.writeValueAsString(line.apply(item)).getBytes(StandardCharsets.UTF_8));
                    out.write('\n');
                }
            });
        } catch (IOException e) {
            throw new UserError("--output " + file + " cannot be written (" + AtomicFiles.reason(e) + ")", e);
        }
    }

    /** Returns where the rows go that a command with this output skips. */
    static Path skipped(Path output) {
        return output.resolveSibling(output.getFileName() + ".skipped");
    }
}
