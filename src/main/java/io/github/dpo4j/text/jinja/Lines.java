package io.github.dpo4j.text.jinja;

import java.util.ArrayList;
import java.util.List;

/** Text cut into lines and words as str.splitlines() and str.split() cut it. */
final class Lines {
    private Lines() {}

    static List<String> split(String text, boolean keepEnds) {
        List<String> lines = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < text.length(); i++) {
            if (CodePoints.isLineEnd(text.charAt(i))) {
                int end = i;
                if (text.charAt(i) == '\r' && i + 1 < text.length() && text.charAt(i + 1) == '\n') {
                    i++;
                }
                lines.add(text.substring(start, keepEnds ? i + 1 : end));
                start = i + 1;
            }
        }
        if (start < text.length()) {
            lines.add(text.substring(start));
        }
        return lines;
    }

    /** Words between whitespace; after the limit, the rest is one word with its trailing whitespace. */
    static List<String> words(String text, int limit) {
        List<String> words = new ArrayList<>();
        int i = 0;
        while (true) {
            while (i < text.length() && CodePoints.isSpace(text.charAt(i))) {
                i++;
            }
            if (i == text.length()) {
                return words;
            }
            if (words.size() == limit) {
                words.add(text.substring(i));
                return words;
            }
            int start = i;
            while (i < text.length() && !CodePoints.isSpace(text.charAt(i))) {
                i++;
            }
            words.add(text.substring(start, i));
        }
    }

    static List<String> wordsFromRight(String text, int limit) {
        List<String> words = new ArrayList<>();
        int i = text.length();
        while (true) {
            while (i > 0 && CodePoints.isSpace(text.charAt(i - 1))) {
                i--;
            }
            if (i == 0) {
                return words.reversed();
            }
            if (words.size() == limit) {
                words.add(text.substring(0, i));
                return words.reversed();
            }
            int end = i;
            while (i > 0 && !CodePoints.isSpace(text.charAt(i - 1))) {
                i--;
            }
            words.add(text.substring(i, end));
        }
    }
}
