package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Value.Bool;
import io.github.dpo4j.text.jinja.Value.Flt;
import io.github.dpo4j.text.jinja.Value.Int;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Python's numbers: integers of any size, floats as doubles, booleans that count as 0 and 1. */
final class Numbers {
    private static final Pattern FLOAT = Pattern.compile(
            "[+-]?(\\d(_?\\d)*+\\.?(\\d(_?\\d)*+)?|\\.\\d(_?\\d)*+)([eE][+-]?\\d(_?\\d)*+)?|[+-]?(inf|infinity|nan)",
            Pattern.CASE_INSENSITIVE);

    private Numbers() {}

    /** The integer that this value is or counts as; null for all others. */
    static @Nullable BigInteger integer(Value value) {
        return switch (value) {
            case Int(var number) -> number;
            case Bool bool -> bool == Bool.TRUE ? BigInteger.ONE : BigInteger.ZERO;
            default -> null;
        };
    }

    static boolean isNumber(Value value) {
        return value instanceof Int || value instanceof Flt || value instanceof Bool;
    }

    static double real(Value value, Rendering rendering) {
        if (value instanceof Flt(double number)) {
            return number;
        }
        @Nullable BigInteger integer = integer(value);
        if (integer == null) {
            throw rendering.error("a number is needed, got " + value.type());
        }
        double number = integer.doubleValue();
        if (Double.isInfinite(number)) {
            throw rendering.error("int too large to convert to float");
        }
        return number;
    }

    /** An integer argument, clamped to Java's int. */
    static int index(Value value, Rendering rendering) {
        @Nullable BigInteger integer = integer(value);
        if (integer == null) {
            throw rendering.error("'" + value.type() + "' object cannot be interpreted as an integer");
        }
        return clamp(integer);
    }

    static int clamp(BigInteger integer) {
        return integer.bitLength() < 32
                ? integer.intValue()
                : integer.signum() < 0 ? Integer.MIN_VALUE : Integer.MAX_VALUE;
    }

    /** repr() of a float: the shortest digits that read back the same, with an exponent from 1e16 and below 1e-4. */
    static String shown(double number) {
        if (Double.isNaN(number)) {
            return "nan";
        }
        if (Double.isInfinite(number)) {
            return number > 0 ? "inf" : "-inf";
        }
        if (number == 0) {
            return 1 / number < 0 ? "-0.0" : "0.0";
        }
        BigDecimal decimal = new BigDecimal(Double.toString(number)).stripTrailingZeros();
        int exponent = decimal.precision() - decimal.scale() - 1;
        if (exponent >= -4 && exponent < 16) {
            String plain = decimal.toPlainString();
            return plain.indexOf('.') < 0 ? plain + ".0" : plain;
        }
        String digits = decimal.unscaledValue().abs().toString();
        String mantissa = digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
        return (number < 0 ? "-" : "") + mantissa + "e" + (exponent < 0 ? "-" : "+")
                + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
    }

    static String shown(BigInteger number, Rendering rendering) {
        if (number.bitLength() > Rendering.MAX_DIGITS * 3.33) {
            throw rendering.error("a number of over " + Rendering.MAX_DIGITS + " digits");
        }
        // up to 64 bits are written without intermediate numbers
        rendering.bytes(48 + (number.bitLength() < 64 ? 0 : 12L * number.bitLength()));
        return number.toString();
    }

    /** int(text, base); null where Python raises ValueError. */
    static @Nullable BigInteger parseInteger(String text, int base) {
        String digits = trimmed(text).toLowerCase(Locale.ROOT);
        boolean negative = digits.startsWith("-");
        if (negative || digits.startsWith("+")) {
            digits = digits.substring(1);
        }
        int radix = base;
        String prefix = digits.length() > 2 ? digits.substring(0, 2) : "";
        int prefixed = prefix.equals("0x") ? 16 : prefix.equals("0o") ? 8 : prefix.equals("0b") ? 2 : 0;
        if (prefixed != 0 && (base == 0 || base == prefixed)) {
            radix = prefixed;
            digits = digits.substring(digits.charAt(2) == '_' ? 3 : 2);
        }
        radix = radix == 0 ? 10 : radix;
        if (digits.isEmpty()
                || digits.length() > Rendering.MAX_DIGITS
                || digits.startsWith("_")
                || digits.endsWith("_")
                || digits.contains("__")
                || radix < Character.MIN_RADIX
                || radix > Character.MAX_RADIX) {
            return null;
        }
        digits = digits.replace("_", "");
        for (int i = 0; i < digits.length(); i++) {
            if (Character.digit(digits.charAt(i), radix) < 0) {
                return null;
            }
        }
        BigInteger number = new BigInteger(digits, radix);
        return negative ? number.negate() : number;
    }

    /** float(text); null where Python raises ValueError. */
    static @Nullable Double parseReal(String text) {
        String number = trimmed(text);
        if (number.length() > 500 || !FLOAT.matcher(number).matches()) {
            return null;
        }
        String lower = number.toLowerCase(Locale.ROOT);
        if (lower.endsWith("nan")) {
            return Double.NaN;
        }
        if (lower.contains("inf")) {
            return lower.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
        }
        return Double.parseDouble(lower.replace("_", ""));
    }

    private static String trimmed(String text) {
        return CodePoints.stripRight(CodePoints.stripLeft(text, CodePoints::isSpace), CodePoints::isSpace);
    }
}
