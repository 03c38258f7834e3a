package io.github.dpo4j.text.jinja;

import java.util.function.IntPredicate;

/** Python's view of text: whitespace, lines and lengths go by Unicode code points, where Java's Strings count UTF-16 units. */
final class CodePoints {
    private CodePoints() {}

    /** What str.isspace() says of one code point. */
    static boolean isSpace(int c) {
        return (c >= 0x09 && c <= 0x0d)
                || (c >= 0x1c && c <= 0x20)
                || c == 0x85
                || c == 0xa0
                || c == 0x1680
                || (c >= 0x2000 && c <= 0x200a)
                || c == 0x2028
                || c == 0x2029
                || c == 0x202f
                || c == 0x205f
                || c == 0x3000;
    }

    /** Where str.splitlines() ends a line (a carriage return and a line feed together count once). */
    static boolean isLineEnd(int c) {
        return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
    }

    /** What repr() shows as it is. */
    static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            case Character.SPACE_SEPARATOR -> c == ' ';
            default -> true;
        };
    }

    /** An escape: the number in lower-case hex, with zeros in front. */
    static String hex(String mark, int number, int digits) {
        String hex = Integer.toHexString(number);
        return mark + "0".repeat(Math.max(0, digits - hex.length())) + hex;
    }

    /** What str.isalnum() says of one code point: letters, and all that has a value as a number. */
    static boolean isLetterOrNumber(int c) {
        return Character.isLetter(c) || isNumber(c);
    }

    /** What str.isnumeric() says of one code point; ideographs that are numbers are left out. */
    static boolean isNumber(int c) {
        return switch (Character.getType(c)) {
            case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> true;
            default -> false;
        };
    }

    /** What str.isdigit() says of one code point: decimal digits, and those written above, below or in circles. */
    static boolean isDigit(int c) {
        return Character.isDigit(c)
                || c == 0xb2
                || c == 0xb3
                || c == 0xb9
                || c == 0x2070
                || (c >= 0x2074 && c <= 0x2079)
                || (c >= 0x2080 && c <= 0x2089)
                || (c >= 0x2460 && c <= 0x2468)
                || (c >= 0x2474 && c <= 0x247c)
                || (c >= 0x2488 && c <= 0x2490);
    }

    static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    static String stripLeft(String text, IntPredicate strip) {
        int start = 0;
        while (start < text.length()) {
            int c = text.codePointAt(start);
            if (!strip.test(c)) {
                break;
            }
            start += Character.charCount(c);
        }
        return text.substring(start);
    }

    static String stripRight(String text, IntPredicate strip) {
        int end = text.length();
        while (end > 0) {
            int c = text.codePointBefore(end);
            if (!strip.test(c)) {
                break;
            }
            end -= Character.charCount(c);
        }
        return text.substring(0, end);
    }

    /** Orders by code point; String.compareTo would put U+1F600 before U+FFFD. */
    static int compare(String a, String b) {
        int shared = Math.min(a.length(), b.length());
        for (int i = 0; i < shared; i++) {
            char x = a.charAt(i);
            char y = b.charAt(i);
            if (x != y) {
                boolean surrogates = Character.isSurrogate(x) != Character.isSurrogate(y);
                return surrogates ? (Character.isSurrogate(x) ? 1 : -1) : Character.compare(x, y);
            }
        }
        return Integer.compare(a.length(), b.length());
    }

    /**
     * The first place of the needle at or after from, or -1. Long needles go through the Knuth-Morris-Pratt table: String.indexOf
     * takes length times length on texts made for that, and a template may make them.
     */
    static int find(String text, String needle, int from) {
        if (needle.length() <= 32) {
            return text.indexOf(needle, from);
        }
        if (text.length() - from < needle.length()) {
            return -1;
        }
        int[] border = new int[needle.length()];
        for (int i = 1, k = 0; i < needle.length(); i++) {
            while (k > 0 && needle.charAt(i) != needle.charAt(k)) {
                k = border[k - 1];
            }
            if (needle.charAt(i) == needle.charAt(k)) {
                k++;
            }
            border[i] = k;
        }
        for (int i = from, k = 0; i < text.length(); i++) {
            while (k > 0 && text.charAt(i) != needle.charAt(k)) {
                k = border[k - 1];
            }
            if (text.charAt(i) == needle.charAt(k)) {
                k++;
            }
            if (k == needle.length()) {
                return i - k + 1;
            }
        }
        return -1;
    }

    /** The last place of the needle that ends at or before end, or -1. */
    static int findLast(String text, String needle, int end) {
        if (needle.length() <= 32) {
            return text.lastIndexOf(needle, end - needle.length());
        }
        String reversed = new StringBuilder(text.substring(0, end)).reverse().toString();
        int found = find(reversed, new StringBuilder(needle).reverse().toString(), 0);
        return found < 0 ? -1 : end - found - needle.length();
    }
}
