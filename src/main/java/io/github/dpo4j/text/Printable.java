package io.github.dpo4j.text;

/** Text from a file, as a message of one line may show it. */
final class Printable {
    private static final int MOST = 60;

    private Printable() {}

    static String of(String text) {
        StringBuilder shown = new StringBuilder();
        text.codePoints()
                .limit(MOST)
                .forEach(c -> shown.appendCodePoint(
                        Character.isISOControl(c) || Character.getType(c) == Character.SURROGATE ? 0xFFFD : c));
        return text.codePointCount(0, text.length()) > MOST
                ? shown.append("...").toString()
                : shown.toString();
    }
}
