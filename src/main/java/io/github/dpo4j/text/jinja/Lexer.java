package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Token.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a template into tokens. Whitespace control happens here, as with trim_blocks and lstrip_blocks: the newline after a block
 * or comment goes, and so does the indentation of one that starts its line; a minus strips all whitespace on its side, a plus
 * keeps it.
 */
final class Lexer {
    private static final String[] OPERATORS = {
        "**", "//", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=",
        ".", ":", "|", ",", ";"
    };

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private final Deque<String> open = new ArrayDeque<>();
    private int at;
    private int line = 1;
    /** Whether what was read last ended its line, so that the next tag may be indented from column 0. */
    private boolean lineStarting = true;

    private Lexer(String source) {
        this.source = source;
    }

    static List<Token> tokens(String template) {
        String source = template.replace("\r\n", "\n").replace('\r', '\n');
        if (source.endsWith("\n")) {
            source = source.substring(0, source.length() - 1);
        }
        Lexer lexer = new Lexer(source);
        lexer.template();
        return List.copyOf(lexer.tokens);
    }

    private void template() {
        while (at < source.length()) {
            int tag = nextTag();
            if (tag < 0) {
                text(source.substring(at));
                moveTo(source.length());
                break;
            }
            char kind = source.charAt(tag + 1);
            text(strippedBefore(tag, kind != '{'));
            moveTo(tag);
            switch (kind) {
                case '#' -> comment();
                case '{' -> tag(Kind.OUTPUT_BEGIN, Kind.OUTPUT_END, "}}");
                default -> {
                    if (!raw()) {
                        tag(Kind.BLOCK_BEGIN, Kind.BLOCK_END, "%}");
                    }
                }
            }
        }
        tokens.add(new Token(Kind.END, "", line));
    }

    private int nextTag() {
        for (int i = source.indexOf('{', at); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            char next = source.charAt(i + 1);
            if (next == '{' || next == '%' || next == '#') {
                return i;
            }
        }
        return -1;
    }

    private void text(String text) {
        if (!text.isEmpty()) {
            tokens.add(new Token(Kind.TEXT, text, line));
        }
    }

    /** The text from here up to the tag, less what the tag's sign or lstrip_blocks takes away. */
    private String strippedBefore(int tag, boolean block) {
        String text = source.substring(at, tag);
        char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
        if (sign == '-') {
            return CodePoints.stripRight(text, CodePoints::isSpace);
        }
        if (sign == '+' || !block) {
            return text;
        }
        int lineStart = text.lastIndexOf('\n') + 1;
        boolean indentation = (lineStart > 0 || lineStarting)
                && text.substring(lineStart).codePoints().allMatch(CodePoints::isSpace);
        return indentation ? text.substring(0, lineStart) : text;
    }

    private void moveTo(int target) {
        for (int i = at; i < target; i++) {
            if (source.charAt(i) == '\n') {
                line++;
            }
        }
        if (target > at) {
            lineStarting = source.charAt(target - 1) == '\n';
        }
        at = target;
    }

    private static boolean isSign(char c) {
        return c == '-' || c == '+';
    }

    private void beginTag() {
        moveTo(at + 2);
        if (at < source.length() && isSign(source.charAt(at))) {
            moveTo(at + 1);
        }
    }

    /** The end of a closing mark that starts at i, with the whitespace that it swallows; -1 if none starts there. */
    private int closing(int i, String mark, boolean block) {
        if (source.startsWith("-" + mark, i)) {
            return skipSpace(i + 1 + mark.length());
        }
        if (block && source.startsWith("+" + mark, i)) {
            return i + 1 + mark.length();
        }
        if (source.startsWith(mark, i)) {
            int end = i + mark.length();
            return block && end < source.length() && source.charAt(end) == '\n' ? end + 1 : end;
        }
        return -1;
    }

    private void comment() {
        int start = line;
        beginTag();
        for (int i = at; i < source.length(); i++) {
            char c = source.charAt(i);
            int end = c == '#' || isSign(c) ? closing(i, "#}", true) : -1;
            if (end >= 0) {
                moveTo(end);
                return;
            }
        }
        throw TemplateException.at(start, "the comment that starts here has no end '#}'");
    }

    /** Reads a raw block if one starts here. */
    private boolean raw() {
        int i = skipSpace(at + 2 + (at + 2 < source.length() && isSign(source.charAt(at + 2)) ? 1 : 0));
        if (!source.startsWith("raw", i)) {
            return false;
        }
        int afterName = skipSpace(i + 3);
        if (!source.startsWith("%}", afterName) && !source.startsWith("-%}", afterName)) {
            return false;
        }
        int start = line;
        // jinja2 trims no newline after {% raw %}, unlike after other blocks
        moveTo(closing(afterName, "%}", source.startsWith("-", afterName)));
        for (int tag = source.indexOf("{%", at); tag >= 0; tag = source.indexOf("{%", tag + 1)) {
            int name = skipSpace(tag + 2 + (tag + 2 < source.length() && isSign(source.charAt(tag + 2)) ? 1 : 0));
            int end = source.startsWith("endraw", name) ? closing(skipSpace(name + 6), "%}", true) : -1;
            if (end >= 0) {
                text(strippedBefore(tag, true));
                moveTo(end);
                return true;
            }
        }
        throw TemplateException.at(start, "the raw block that starts here has no endraw");
    }

    private int skipSpace(int from) {
        int i = from;
        while (i < source.length() && CodePoints.isSpace(source.charAt(i))) {
            i++;
        }
        return i;
    }

    private void tag(Kind begin, Kind end, String mark) {
        int start = line;
        tokens.add(new Token(begin, "", line));
        beginTag();
        open.clear();
        while (true) {
            moveTo(skipSpace(at));
            if (at >= source.length()) {
                throw TemplateException.at(start, "the tag that starts here has no end '" + mark + "'");
            }
            int close = open.isEmpty() ? closing(at, mark, end == Kind.BLOCK_END) : -1;
            if (close >= 0) {
                tokens.add(new Token(end, "", line));
                // a {{ }} swallows no newline: only blocks do
                moveTo(close);
                return;
            }
            expressionToken();
        }
    }

    private void expressionToken() {
        int c = source.codePointAt(at);
        if (c >= '0' && c <= '9') {
            number();
        } else if (c == '\'' || c == '"') {
            string((char) c);
        } else if (c == '_' || Character.isUnicodeIdentifierStart(c)) {
            int i = at;
            while (i < source.length()
                    && (source.codePointAt(i) == '_' || Character.isUnicodeIdentifierPart(source.codePointAt(i)))) {
                i += Character.charCount(source.codePointAt(i));
            }
            add(Kind.NAME, source.substring(at, i), i);
        } else {
            operator();
        }
    }

    private void operator() {
        for (String operator : OPERATORS) {
            if (source.startsWith(operator, at)) {
                switch (operator) {
                    case "(" -> open.push(")");
                    case "[" -> open.push("]");
                    case "{" -> open.push("}");
                    case ")", "]", "}" -> {
                        @Nullable String expected = open.poll();
                        if (!operator.equals(expected)) {
                            throw TemplateException.at(
                                    line,
                                    "unexpected '" + operator + "'"
                                            + (expected == null ? "" : ", expected '" + expected + "'"));
                        }
                    }
                    default -> {}
                }
                add(Kind.OPERATOR, operator, at + operator.length());
                return;
            }
        }
        throw TemplateException.at(line, "unexpected character '" + Character.toString(source.codePointAt(at)) + "'");
    }

    private void add(Kind kind, String text, int end) {
        tokens.add(new Token(kind, text, line));
        moveTo(end);
    }

    private int digits(int from, int radix) {
        int i = from;
        while (i < source.length()
                && (Character.digit(source.charAt(i), radix) >= 0
                        || (source.charAt(i) == '_'
                                && i > from
                                && i + 1 < source.length()
                                && Character.digit(source.charAt(i + 1), radix) >= 0))) {
            i++;
        }
        return i;
    }

    private void number() {
        int whole = digits(at, 10);
        int end = whole;
        if (end < source.length() && source.charAt(end) == '.' && digits(end + 1, 10) > end + 1) {
            end = digits(end + 1, 10);
        }
        if (end < source.length() && (source.charAt(end) == 'e' || source.charAt(end) == 'E')) {
            int exponent = end + 1;
            if (exponent < source.length() && isSign(source.charAt(exponent))) {
                exponent++;
            }
            if (digits(exponent, 10) > exponent) {
                end = digits(exponent, 10);
            }
        }
        boolean afterDot = at > 0 && source.charAt(at - 1) == '.';
        if (end > whole && !afterDot) {
            add(Kind.FLOAT, source.substring(at, end).replace("_", ""), end);
            return;
        }
        int radix = source.charAt(at) == '0' && at + 1 < source.length()
                ? switch (source.charAt(at + 1)) {
                    case 'x', 'X' -> 16;
                    case 'o', 'O' -> 8;
                    case 'b', 'B' -> 2;
                    default -> 10;
                }
                : 10;
        if (radix != 10 && digits(at + 2, radix) > at + 2) {
            whole = digits(at + 2, radix);
        }
        if (whole - at > 4000) {
            throw TemplateException.at(line, "a number of over 4000 digits");
        }
        add(Kind.INTEGER, source.substring(at, whole).replace("_", ""), whole);
    }

    private void string(char quote) {
        int end = at + 1;
        while (end < source.length() && source.charAt(end) != quote) {
            end += source.charAt(end) == '\\' ? 2 : 1;
        }
        if (end >= source.length()) {
            throw TemplateException.at(line, "the string that starts here has no end");
        }
        add(Kind.STRING, StringLiteral.unescape(source.substring(at + 1, end), line), end + 1);
    }
}
