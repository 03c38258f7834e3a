package io.github.dpo4j.data;

import io.github.dpo4j.UserError;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;

/** Turns DATASET arguments (files, globs, folders) into the files to read, in a stable order. */
public final class DatasetPaths {
    private static final List<String> SUFFIXES = List.of(".jsonl", ".json", ".jsonl.gz", ".json.gz");
    private static final String READ_NOW = ".jsonl, .json, .jsonl.gz and .json.gz";

    private DatasetPaths() {}

    /** The files of each argument, arguments in the given order, the files of a glob or folder sorted by path. */
    public static List<Path> resolve(List<String> datasets) {
        if (datasets.isEmpty()) {
            throw new UserError("no dataset was given; name a file, a glob or a folder");
        }
        List<Path> files = new ArrayList<>();
        for (String dataset : datasets) {
            files.addAll(resolve(dataset));
        }
        return List.copyOf(files);
    }

    private static List<Path> resolve(String dataset) {
        Path path;
        try {
            path = Path.of(dataset);
        } catch (InvalidPathException e) {
            if (hasWildcard(dataset)) { // Windows allows no * in a path
                return glob(dataset);
            }
            throw new UserError(dataset + ": not a path on this system", e);
        }
        if (Files.isDirectory(path)) {
            return folder(path);
        }
        if (!Files.exists(path) && hasWildcard(dataset)) {
            return glob(dataset);
        }
        if (!Files.exists(path)) {
            throw new UserError(dataset + ": there is no such file or folder");
        }
        requireKnownSuffix(path);
        return List.of(path);
    }

    private static List<Path> folder(Path folder) {
        List<Path> files;
        try (Stream<Path> entries = Files.list(folder)) {
            files = entries.filter(Files::isRegularFile)
                    .filter(DatasetPaths::isRead)
                    .filter(file -> !String.valueOf(file.getFileName()).startsWith("."))
                    .sorted()
                    .toList();
        } catch (IOException | UncheckedIOException e) {
            throw new UserError(folder + ": the folder cannot be listed (" + e.getMessage() + ")", e);
        }
        if (files.isEmpty()) {
            throw new UserError(folder + ": the folder holds no " + READ_NOW + " file");
        }
        return files;
    }

    private static List<Path> glob(String pattern) {
        int wildcard = firstWildcard(pattern);
        int slash =
                Math.max(pattern.lastIndexOf('/', wildcard), pattern.lastIndexOf(java.io.File.separatorChar, wildcard));
        String root = slash < 0 ? "" : pattern.substring(0, slash + 1);
        Path start = Path.of(root.isEmpty() ? "." : root);
        String rest = pattern.substring(slash + 1);
        PathMatcher matcher;
        try {
            matcher = FileSystems.getDefault().getPathMatcher("glob:" + rest);
        } catch (PatternSyntaxException e) {
            throw new UserError(pattern + ": not a valid glob (" + e.getDescription() + ")", e);
        }
        int depth = rest.contains("**")
                ? Integer.MAX_VALUE
                : Path.of(rest.replace('*', 'x').replace('?', 'x')).getNameCount();
        List<Path> files = new ArrayList<>();
        if (Files.isDirectory(start)) {
            try (Stream<Path> entries = Files.walk(start, depth)) {
                entries.filter(Files::isRegularFile)
                        .filter(file -> matcher.matches(start.relativize(file)))
                        .map(file -> root.isEmpty() ? start.relativize(file) : file)
                        .sorted()
                        .forEach(files::add);
            } catch (IOException | UncheckedIOException e) {
                throw new UserError(pattern + ": the folder cannot be listed (" + e.getMessage() + ")", e);
            }
        }
        if (files.isEmpty()) {
            throw new UserError(pattern + ": no file matches");
        }
        files.forEach(DatasetPaths::requireKnownSuffix);
        return files;
    }

    private static boolean hasWildcard(String text) {
        return firstWildcard(text) < text.length();
    }

    private static int firstWildcard(String text) {
        int index = 0;
        while (index < text.length() && "*?[{".indexOf(text.charAt(index)) < 0) {
            index++;
        }
        return index;
    }

    private static boolean isRead(Path file) {
        String name = String.valueOf(file.getFileName());
        return SUFFIXES.stream().anyMatch(name::endsWith);
    }

    private static void requireKnownSuffix(Path file) {
        if (!isRead(file)) {
            throw new UserError(file + ": this kind of file is not read; give a file that ends in one of " + READ_NOW);
        }
    }
}
