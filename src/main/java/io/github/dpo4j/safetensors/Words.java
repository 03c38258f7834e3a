package io.github.dpo4j.safetensors;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/** How this package words names and failures, so that a hostile name cannot break an error out of its one sentence. */
final class Words {
    private static final int LONGEST = 100;

    private Words() {}

    /** The name between quotes, shortened, with control and format characters replaced. */
    static String quoted(String name) {
        return '\'' + oneLine(name) + '\'';
    }

    static String oneLine(String text) {
        StringBuilder line = new StringBuilder();
        text.codePoints().limit(LONGEST).map(c -> isPlain(c) ? c : '?').forEach(line::appendCodePoint);
        return text.codePointCount(0, text.length()) > LONGEST ? line + "..." : line.toString();
    }

    private static boolean isPlain(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            default -> true;
        };
    }

    /** What went wrong, in words: the JDK's own message of these is often nothing but the path. */
    static String reason(IOException e) {
        return switch (e) {
            case NoSuchFileException _ -> "no such file or folder";
            case AccessDeniedException _ -> "permission denied";
            case FileSystemException f when f.getReason() != null -> oneLine(f.getReason());
            default -> oneLine(String.valueOf(e.getMessage()));
        };
    }
}
