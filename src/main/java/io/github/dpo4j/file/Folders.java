package io.github.dpo4j.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Whole folders at once. */
public final class Folders {
    private Folders() {}

    /** Fills a folder that is empty. */
    public interface Writing {
        void into(Path folder) throws IOException;
    }

    /** Puts a folder in the place of what is at {@code target}, once all of it is written; where that fails, nothing changes. */
    public static void replace(Path target, Writing writing) throws IOException {
        Path temporary = target.resolveSibling("." + target.getFileName() + ".tmp");
        delete(temporary);
        try {
            Files.createDirectories(temporary);
            writing.into(temporary);
            delete(target);
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            delete(temporary);
        }
    }

    /** Deletes a file, or a folder with all in it; nothing where there is none. */
    public static void delete(Path path) throws IOException {
        if (!Files.exists(path)) {
            return;
        }
        List<Path> deepestFirst;
        try (Stream<Path> inside = Files.walk(path)) {
            deepestFirst = inside.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path file : deepestFirst) {
            Files.delete(file);
        }
    }
}
