package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Value.Dict;
import io.github.dpo4j.text.jinja.Value.Flt;
import io.github.dpo4j.text.jinja.Value.Int;
import io.github.dpo4j.text.jinja.Value.Str;
import io.github.dpo4j.text.jinja.Value.Tuple;
import io.github.dpo4j.text.jinja.Value.Undefined;
import java.math.BigDecimal;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** text % values, as in "%s has %d" % (name, count). */
final class PercentFormat {
    private final String format;
    private final boolean markup;
    private final Value values;
    private final Iterator<Value> inOrder;
    private final Rendering rendering;
    private int at;

    private PercentFormat(Str format, Value values, Rendering rendering) {
        this.format = format.text();
        this.markup = format.markup();
        this.values = values;
        this.inOrder = (values instanceof Tuple(var items, var _) ? items : List.of(values)).iterator();
        this.rendering = rendering;
    }

    static Value format(Str format, Value values, Rendering rendering) {
        return new Str(new PercentFormat(format, values, rendering).run(), format.markup());
    }

    private String run() {
        StringBuilder out = new StringBuilder();
        rendering.text(format.length());
        while (at < format.length()) {
            char c = format.charAt(at++);
            if (c == '%') {
                String shown = conversion();
                rendering.text((long) out.length() + shown.length() > Rendering.MAX_TEXT ? Rendering.MAX_TEXT + 1L : 0);
                out.append(shown);
            } else {
                out.append(c);
            }
        }
        // Python takes whatever can be subscripted for a mapping, whose values need not all be used
        boolean mapping = values instanceof Dict || values instanceof Value.Items || values instanceof Undefined;
        if (inOrder.hasNext() && !mapping) {
            throw rendering.error("not all arguments converted during string formatting");
        }
        return out.toString();
    }

    private char peek() {
        if (at >= format.length()) {
            throw rendering.error("incomplete format");
        }
        return format.charAt(at);
    }

    private String conversion() {
        rendering.step();
        @Nullable Value named = null;
        if (peek() == '(') {
            int end = format.indexOf(')', at);
            if (end < 0 || !(values instanceof Dict dict)) {
                throw rendering.error("format requires a mapping");
            }
            String key = format.substring(at + 1, end);
            named = dict.get(key);
            if (named == null) {
                throw rendering.error("the format's key '" + key + "' is not there");
            }
            at = end + 1;
        }
        boolean left = false;
        boolean zero = false;
        boolean alternate = false;
        char sign = 0;
        for (; "-0+ #".indexOf(peek()) >= 0; at++) {
            switch (peek()) {
                case '-' -> left = true;
                case '0' -> zero = true;
                case '#' -> alternate = true;
                case '+' -> sign = '+';
                default -> sign = sign == 0 ? ' ' : sign;
            }
        }
        int width = size();
        int precision = -1;
        if (peek() == '.') {
            at++;
            precision = size();
        }
        char type = peek();
        at++;
        if (type == '%') {
            return "%";
        }
        Value value = named != null ? named : next();
        boolean number = "sra".indexOf(type) < 0;
        boolean finite = !(value instanceof Flt(double real)) || !(Double.isNaN(real) || Double.isInfinite(real));
        FormatSpec spec = new FormatSpec(
                zero && number && !left ? "0" : " ",
                left ? '<' : zero && number ? '=' : '>',
                sign,
                alternate,
                width,
                (char) 0,
                precision,
                type);
        return switch (type) {
            case 's' ->
                spec.text(markup ? Markup.joining(value, rendering) : Printing.text(value, rendering), rendering);
            case 'r' -> spec.text(Printing.repr(value, rendering), rendering);
            case 'd', 'i', 'u' -> spec.number(finite ? whole(value) : value, rendering);
            case 'c' ->
                value instanceof Str(String text, var _) && CodePoints.length(text) == 1
                        ? spec.text(text, rendering)
                        : spec.number(value, rendering);
            case 'x', 'X', 'o', 'e', 'E', 'f', 'F', 'g', 'G' -> {
                if (value instanceof Undefined(String reason)) {
                    throw rendering.error(reason);
                }
                yield spec.number(value, rendering);
            }
            default -> throw rendering.error("unsupported format character '" + type + "'");
        };
    }

    private Value next() {
        if (!inOrder.hasNext()) {
            throw rendering.error("not enough arguments for format string");
        }
        return inOrder.next();
    }

    /** A width or precision: digits, or * for the next value. */
    private int size() {
        if (peek() == '*') {
            at++;
            return Math.max(0, Numbers.index(next(), rendering));
        }
        int end = FormatSpec.digits(format, at);
        int size = FormatSpec.integer(format.substring(at, end), rendering);
        at = end;
        return size;
    }

    /** %d cuts a float's fraction off. */
    private Value whole(Value value) {
        if (value instanceof Undefined(String reason)) {
            throw rendering.error(reason);
        }
        return value instanceof Flt(double real) ? new Int(new BigDecimal(real).toBigInteger()) : value;
    }
}
