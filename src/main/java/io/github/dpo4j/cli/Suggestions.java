package io.github.dpo4j.cli;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine;

/** Finds what was probably meant by a misspelt option, key or command. */
final class Suggestions {
    private Suggestions() {}

    /** Returns the names of a command's options and subcommands. */
    static List<String> names(CommandLine commandLine) {
        return java.util.stream.Stream.concat(
                        commandLine.getCommandSpec().optionsMap().keySet().stream(),
                        commandLine.getSubcommands().keySet().stream())
                .toList();
    }

    /** Returns the nearest of {@code names} by edit distance, if it is near at all. */
    static Optional<String> nearest(String word, List<String> names) {
        String bare = word.contains("=") ? word.substring(0, word.indexOf('=')) : word;
        return names.stream()
                .min(Comparator.comparingInt((String name) -> distance(bare, name))
                        .thenComparing(name -> name))
                .filter(name -> distance(bare, name) <= Math.max(2, bare.length() / 3));
    }

    /** Levenshtein distance. */
    static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int substituted = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(substituted, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
