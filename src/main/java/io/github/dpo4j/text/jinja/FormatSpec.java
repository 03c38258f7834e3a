package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Value.Bool;
import io.github.dpo4j.text.jinja.Value.Flt;
import io.github.dpo4j.text.jinja.Value.Str;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How % and format() lay out one value: [fill]align, sign, alternate form (#), width, grouping, precision (-1: none) and type. */
record FormatSpec(
        String fill, char align, char sign, boolean alternate, int width, char grouping, int precision, char type) {
    private static final int MAX_PRECISION = 1000;

    /** Lays out a number; types d i u b o x X c and e E f F g G % and n as d. */
    String number(Value value, Rendering rendering) {
        if (precision > MAX_PRECISION) {
            throw rendering.error("a precision of over " + MAX_PRECISION + " digits");
        }
        rendering.bytes(600 + 4L * Math.max(0, precision));
        return switch (type) {
            case 'e', 'E', 'f', 'F', 'g', 'G', '%' -> real(Numbers.real(value, rendering), rendering);
            default -> {
                @Nullable BigInteger integer = Numbers.integer(value);
                if (integer == null) {
                    throw rendering.error("format '" + type + "' needs an integer, got " + value.type());
                }
                yield integer(integer, rendering);
            }
        };
    }

    private String integer(BigInteger number, Rendering rendering) {
        if (type == 'c') {
            int code = Numbers.clamp(number);
            if (!Character.isValidCodePoint(code)) {
                throw rendering.error("%c needs a character code below 0x110000");
            }
            return text(Character.toString(code), rendering);
        }
        BigInteger size = number.abs();
        int radix = switch (type) {
            case 'x', 'X' -> 16;
            case 'o' -> 8;
            case 'b' -> 2;
            default -> 10;
        };
        String digits = radix == 10 ? Numbers.shown(size, rendering) : size.toString(radix);
        if (precision > digits.length()) {
            digits = "0".repeat(precision - digits.length()) + digits;
        }
        String prefix = !alternate || radix == 10 ? "" : "0" + type;
        return signed(number.signum() < 0, prefix, type == 'X' ? digits.toUpperCase(Locale.ROOT) : digits, rendering);
    }

    private String real(double number, Rendering rendering) {
        boolean negative = number < 0 || (number == 0 && 1 / number < 0);
        double size = Math.abs(number);
        int places = precision < 0 ? 6 : precision;
        String digits;
        if (Double.isNaN(size) || Double.isInfinite(size)) {
            digits = (Double.isNaN(size) ? "nan" : "inf") + (type == '%' ? "%" : "");
        } else {
            digits = switch (type) {
                case 'e', 'E' -> exponential(size, places);
                case 'g', 'G' -> general(size, Math.max(1, places));
                case '%' -> fixed(size * 100, places) + "%";
                default -> fixed(size, places);
            };
        }
        return signed(negative, "", Character.isUpperCase(type) ? digits.toUpperCase(Locale.ROOT) : digits, rendering);
    }

    private static String fixed(double size, int places) {
        return new BigDecimal(size).setScale(places, RoundingMode.HALF_EVEN).toPlainString();
    }

    private static String exponential(double size, int places) {
        BigDecimal rounded = new BigDecimal(size).round(new MathContext(places + 1, RoundingMode.HALF_EVEN));
        int exponent = rounded.signum() == 0 ? 0 : rounded.precision() - rounded.scale() - 1;
        String mantissa = rounded.movePointLeft(exponent)
                .setScale(places, RoundingMode.HALF_EVEN)
                .toPlainString();
        return mantissa + "e" + (exponent < 0 ? "-" : "+") + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
    }

    private String general(double size, int digits) {
        BigDecimal rounded = new BigDecimal(size).round(new MathContext(digits, RoundingMode.HALF_EVEN));
        int exponent = rounded.signum() == 0 ? 0 : rounded.precision() - rounded.scale() - 1;
        if (exponent >= -4 && exponent < digits) {
            String fixed = fixed(size, digits - 1 - exponent);
            return alternate ? fixed : trimmed(fixed);
        }
        String[] parts = exponential(size, digits - 1).split("e", 2);
        return (alternate ? parts[0] : trimmed(parts[0])) + "e" + parts[1];
    }

    private static String trimmed(String digits) {
        if (digits.indexOf('.') < 0) {
            return digits;
        }
        return CodePoints.stripRight(CodePoints.stripRight(digits, c -> c == '0'), c -> c == '.');
    }

    private String signed(boolean negative, String prefix, String digits, Rendering rendering) {
        String signs = (negative ? "-" : sign == '+' ? "+" : sign == ' ' ? " " : "") + prefix;
        String shown = grouping == 0 ? digits : grouped(digits);
        if (align == '=') {
            int missing = width - signs.length() - shown.length();
            rendering.text(Math.max(0, missing));
            return signs + fill.repeat(Math.max(0, missing)) + shown;
        }
        return padded(signs + shown, align == 0 ? '>' : align, rendering);
    }

    private String grouped(String digits) {
        int end = 0;
        while (end < digits.length() && Character.isDigit(digits.charAt(end))) {
            end++;
        }
        StringBuilder out = new StringBuilder(digits);
        for (int i = end - 3; i > 0; i -= 3) {
            out.insert(i, grouping);
        }
        return out.toString();
    }

    String text(String text, Rendering rendering) {
        String shown = precision >= 0 && type != 'c' && CodePoints.length(text) > precision
                ? text.substring(0, text.offsetByCodePoints(0, precision))
                : text;
        return padded(shown, align == 0 ? '<' : align, rendering);
    }

    private String padded(String text, char side, Rendering rendering) {
        int missing = Math.max(0, width - CodePoints.length(text));
        rendering.text((long) missing + text.length());
        int left = side == '<' ? 0 : side == '^' ? missing / 2 : missing;
        return fill.repeat(left) + text + fill.repeat(missing - left);
    }

    /** format(value, spec). */
    static String format(Value value, String spec, Rendering rendering) {
        if (spec.isEmpty()) {
            return Printing.text(value, rendering);
        }
        FormatSpec parsed = parse(spec, rendering);
        if (value instanceof Str(String text, var _)) {
            if (parsed.type != 0 && parsed.type != 's') {
                throw rendering.error("unknown format code '" + parsed.type + "' for text");
            }
            return parsed.text(text, rendering);
        }
        if (!Numbers.isNumber(value)) {
            throw rendering.error("a format '" + spec + "' for a " + value.type() + " is not supported");
        }
        if (parsed.type == 0) {
            if (value instanceof Flt(double number) && parsed.precision < 0) {
                boolean negative = number < 0 || (number == 0 && 1 / number < 0);
                return parsed.signed(negative, "", Numbers.shown(Math.abs(number)), rendering);
            }
            char type = value instanceof Flt ? 'g' : value instanceof Bool ? 's' : 'd';
            if (type == 's') {
                type = 'd';
            }
            return parsed.withType(type).number(value, rendering);
        }
        return parsed.number(value, rendering);
    }

    private FormatSpec withType(char newType) {
        return new FormatSpec(fill, align, sign, alternate, width, grouping, precision, newType);
    }

    private static FormatSpec parse(String spec, Rendering rendering) {
        int i = 0;
        String fill = " ";
        char align = 0;
        int first = Character.charCount(spec.codePointAt(0));
        if (first < spec.length() && isAlign(spec.charAt(first))) {
            fill = spec.substring(0, first);
            align = spec.charAt(first);
            i = first + 1;
        } else if (isAlign(spec.charAt(0))) {
            align = spec.charAt(0);
            i = 1;
        }
        char sign = 0;
        if (i < spec.length() && "+- ".indexOf(spec.charAt(i)) >= 0) {
            sign = spec.charAt(i++);
        }
        boolean alternate = i < spec.length() && spec.charAt(i) == '#';
        i += alternate ? 1 : 0;
        if (i < spec.length() && spec.charAt(i) == '0') {
            fill = align == 0 ? "0" : fill;
            align = align == 0 ? '=' : align;
            i++;
        }
        int start = i;
        i = digits(spec, i);
        int width = integer(spec.substring(start, i), rendering);
        char grouping = i < spec.length() && (spec.charAt(i) == ',' || spec.charAt(i) == '_') ? spec.charAt(i++) : 0;
        int precision = -1;
        if (i < spec.length() && spec.charAt(i) == '.') {
            start = i + 1;
            i = digits(spec, start);
            precision = integer(spec.substring(start, i), rendering);
        }
        char type = i < spec.length() ? spec.charAt(i++) : 0;
        if (i < spec.length() || (type != 0 && "bcdeEfFgGnosxX%".indexOf(type) < 0)) {
            throw rendering.error("the format '" + spec + "' is not supported");
        }
        return new FormatSpec(fill, align, sign, alternate, width, grouping, precision, type);
    }

    private static boolean isAlign(char c) {
        return c == '<' || c == '>' || c == '^' || c == '=';
    }

    static int digits(String text, int from) {
        int i = from;
        while (i < text.length() && text.charAt(i) >= '0' && text.charAt(i) <= '9') {
            i++;
        }
        return i;
    }

    static int integer(String digits, Rendering rendering) {
        if (digits.length() > 9) {
            throw rendering.error("a width of over 9 digits");
        }
        return digits.isEmpty() ? 0 : Integer.parseInt(digits);
    }
}
