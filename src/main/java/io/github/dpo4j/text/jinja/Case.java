package io.github.dpo4j.text.jinja;

import java.util.Locale;

/** Python's letter cases. */
final class Case {
    private Case() {}

    /** str.title(): a letter after a non-letter is a capital, every other one small. */
    static String title(String text) {
        StringBuilder out = new StringBuilder(text.length());
        boolean inWord = false;
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            String letter = Character.toString(c);
            out.append(inWord ? letter.toLowerCase(Locale.ROOT) : titled(c));
            inWord = isCased(c);
            i += Character.charCount(c);
        }
        return out.toString();
    }

    static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int c = text.codePointAt(0);
        return titled(c) + text.substring(Character.charCount(c)).toLowerCase(Locale.ROOT);
    }

    static String swap(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints()
                .mapToObj(c -> Character.isUpperCase(c)
                        ? Character.toString(c).toLowerCase(Locale.ROOT)
                        : Character.toString(c).toUpperCase(Locale.ROOT))
                .forEach(out::append);
        return out.toString();
    }

    static boolean isLower(String text) {
        return text.codePoints().anyMatch(Case::isCased)
                && text.codePoints().noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
    }

    static boolean isUpper(String text) {
        return text.codePoints().anyMatch(Case::isCased)
                && text.codePoints().noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c));
    }

    private static boolean isCased(int c) {
        return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
    }

    private static String titled(int c) {
        int title = Character.toTitleCase(c);
        if (title != c || !Character.isLowerCase(c)) {
            return Character.toString(title);
        }
        // letters such as the sharp s have a capital of several characters
        return capitalOf(Character.toString(c).toUpperCase(Locale.ROOT));
    }

    private static String capitalOf(String upper) {
        int first = upper.codePointAt(0);
        return Character.toString(first)
                + upper.substring(Character.charCount(first)).toLowerCase(Locale.ROOT);
    }
}
