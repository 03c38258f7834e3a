package io.github.dpo4j.text.jinja;

/** The escapes of Python's string literals, which Jinja's follow; an unknown one keeps its backslash. */
final class StringLiteral {
    private StringLiteral() {}

    static String unescape(String literal, int line) {
        if (literal.indexOf('\\') < 0) {
            return literal;
        }
        StringBuilder text = new StringBuilder(literal.length());
        for (int i = 0; i < literal.length(); i++) {
            char c = literal.charAt(i);
            if (c != '\\' || i + 1 == literal.length()) {
                text.append(c);
                continue;
            }
            char escape = literal.charAt(++i);
            switch (escape) {
                case '\n' -> {}
                case '\\', '\'', '"' -> text.append(escape);
                case 'a' -> text.append('\u0007');
                case 'b' -> text.append('\b');
                case 'f' -> text.append('\f');
                case 'n' -> text.append('\n');
                case 'r' -> text.append('\r');
                case 't' -> text.append('\t');
                case 'v' -> text.append('\u000b');
                case 'x' -> i = hex(literal, i, 2, text, line);
                case 'u' -> i = hex(literal, i, 4, text, line);
                case 'U' -> i = hex(literal, i, 8, text, line);
                case 'N' -> i = named(literal, i, text, line);
                case '0', '1', '2', '3', '4', '5', '6', '7' -> {
                    int end = i + 1;
                    while (end < literal.length() && end < i + 3 && Character.digit(literal.charAt(end), 8) >= 0) {
                        end++;
                    }
                    text.append((char) Integer.parseInt(literal.substring(i, end), 8));
                    i = end - 1;
                }
                default -> text.append('\\').append(escape);
            }
        }
        return text.toString();
    }

    private static int named(String literal, int at, StringBuilder text, int line) {
        int end = literal.startsWith("{", at + 1) ? literal.indexOf('}', at) : -1;
        try {
            text.appendCodePoint(Character.codePointOf(literal.substring(at + 2, Math.max(at + 2, end))));
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw TemplateException.at(line, "the escape \\N needs the name of a character in braces");
        }
        return end;
    }

    private static int hex(String literal, int at, int digits, StringBuilder text, int line) {
        int end = at + 1 + digits;
        long code = 0;
        for (int i = at + 1; i < end; i++) {
            int digit = i < literal.length() ? Character.digit(literal.charAt(i), 16) : -1;
            if (digit < 0) {
                throw TemplateException.at(
                        line, "the escape \\" + literal.charAt(at) + " needs " + digits + " hex digits");
            }
            code = code * 16 + digit;
        }
        if (code > Character.MAX_CODE_POINT) {
            throw TemplateException.at(line, "an escaped character above U+10FFFF");
        }
        text.appendCodePoint((int) code);
        return end - 1;
    }
}
