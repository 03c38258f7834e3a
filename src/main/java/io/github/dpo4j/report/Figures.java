package io.github.dpo4j.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Writes numbers for people; the same on every machine, whatever its locale. */
final class Figures {
    private Figures() {}

    /** Returns {@code value} to four significant digits: 0.6931, 5e-7, 12350, or "n/a". */
    static String shortForm(double value) {
        return shortForm(value, 4);
    }

    /** Returns {@code value} to so many significant digits. */
    static String shortForm(double value, int digits) {
        if (!Double.isFinite(value)) {
            return "n/a";
        }
        if (value == 0) {
            return "0";
        }
        BigDecimal rounded = rounded(value, digits);
        double size = Math.abs(value);
        if (size >= 1e-3 && size < 1e6) {
            return rounded.toPlainString();
        }
        String figures = rounded.unscaledValue().abs().toString();
        int exponent = rounded.precision() - rounded.scale() - 1;
        String fraction = figures.length() > 1 ? "." + figures.substring(1) : "";
        return (value < 0 ? "-" : "") + figures.charAt(0) + fraction + "e" + exponent;
    }

    /** Returns {@code value} to so many significant digits, without trailing zeros; it must be finite. */
    static BigDecimal rounded(double value, int digits) {
        BigDecimal rounded = new BigDecimal(value).round(new MathContext(digits, RoundingMode.HALF_EVEN));
        return rounded.signum() == 0 ? BigDecimal.ZERO : rounded.stripTrailingZeros();
    }

    /** Returns a length in the unit that suits it: 512 B, 1.5 MB. */
    static String bytes(long bytes) {
        if (bytes < 1000) {
            return bytes + " B";
        }
        double size = bytes;
        String unit = "";
        for (String larger : new String[] {"kB", "MB", "GB", "TB"}) {
            if (size >= 1000) {
                size /= 1000;
                unit = larger;
            }
        }
        return rounded(size, 3).toPlainString() + " " + unit;
    }

    /** Returns a time in its two largest units: 2 h 5 min, 3 min 20 s, 45 s. */
    static String seconds(long seconds) {
        if (seconds < 60) {
            return seconds + " s";
        }
        if (seconds < 3600) {
            return seconds / 60 + " min" + (seconds % 60 == 0 ? "" : " " + seconds % 60 + " s");
        }
        return seconds / 3600 + " h" + (seconds / 60 % 60 == 0 ? "" : " " + seconds / 60 % 60 + " min");
    }
}
