package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Arguments.Bound;
import io.github.dpo4j.text.jinja.Value.Flt;
import io.github.dpo4j.text.jinja.Value.Int;
import io.github.dpo4j.text.jinja.Value.None;
import io.github.dpo4j.text.jinja.Value.Str;
import io.github.dpo4j.text.jinja.Value.Tuple;
import io.github.dpo4j.text.jinja.Value.Undefined;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Jinja's filters on single values; those on sequences are in {@link SequenceFilters}. */
final class Filters {
    static final Set<String> NAMES = Set.of(
            "abs",
            "attr",
            "capitalize",
            "center",
            "d",
            "default",
            "e",
            "escape",
            "float",
            "forceescape",
            "format",
            "indent",
            "int",
            "lower",
            "replace",
            "round",
            "safe",
            "string",
            "title",
            "tojson",
            "trim",
            "upper");
    private static final Pattern WORD_START = Pattern.compile("[-\\s({\\[<]", Pattern.UNICODE_CHARACTER_CLASS);

    private Filters() {}

    static Value apply(String name, Value value, Arguments arguments, Rendering rendering) {
        rendering.step();
        if (SequenceFilters.NAMES.contains(name)) {
            return SequenceFilters.apply(name, value, arguments, rendering);
        }
        if (TextFilters.NAMES.contains(name)) {
            return TextFilters.apply(name, value, arguments, rendering);
        }
        return switch (name) {
            case "default", "d" -> {
                Bound bound = arguments.bind(name, rendering, "default_value", "boolean");
                boolean replaced = value instanceof Undefined || (bound.flag("boolean") && !Iteration.truth(value));
                yield replaced ? bound.get("default_value", new Str("")) : value;
            }
            case "upper", "lower", "capitalize" ->
                StringMethods.call(text(value, rendering), name, arguments, rendering);
            case "center" -> {
                Bound bound = arguments.bind(name, rendering, "width");
                yield StringMethods.call(
                        text(value, rendering), name, Arguments.of(bound.get("width", Int.of(80))), rendering);
            }
            case "title" -> title(text(value, rendering), arguments, rendering);
            case "trim" -> StringMethods.call(text(value, rendering), "strip", arguments, rendering);
            case "string" -> {
                arguments.bind(name, rendering);
                yield text(value, rendering);
            }
            case "replace" -> {
                Bound bound = arguments.bind(name, rendering, "old", "new", "count");
                Value count = bound.get("count", None.NONE);
                yield new Str(StringMethods.replace(
                        Printing.text(value, rendering),
                        Printing.text(bound.get("old"), rendering),
                        Printing.text(bound.get("new"), rendering),
                        count instanceof None ? -1 : Numbers.index(count, rendering),
                        rendering));
            }
            case "tojson" -> new Str(Json.write(value, arguments, rendering));
            case "safe" -> {
                arguments.bind(name, rendering);
                yield new Str(Printing.text(value, rendering), true);
            }
            case "e", "escape", "forceescape" -> {
                arguments.bind(name, rendering);
                yield new Str(
                        name.equals("forceescape")
                                ? Markup.escape(Printing.text(value, rendering), rendering)
                                : Markup.joining(value, rendering),
                        true);
            }
            case "indent" -> indent(value, arguments, rendering);
            case "int" -> integer(value, arguments, rendering);
            case "float" -> real(value, arguments, rendering);
            case "abs" -> abs(value, arguments, rendering);
            case "round" -> round(value, arguments, rendering);
            case "format" -> {
                Value values = arguments.named().isEmpty()
                        ? new Tuple(arguments.positional())
                        : Functions.dict(arguments, rendering);
                yield PercentFormat.format(text(value, rendering), values, rendering);
            }
            case "attr" ->
                Subscripts.attribute(
                        value, arguments.bind(name, rendering, "name").text("name"), rendering);
            default -> throw rendering.error("there is no filter '" + name + "'");
        };
    }

    private static Str text(Value value, Rendering rendering) {
        return value instanceof Str text ? text : new Str(Printing.text(value, rendering));
    }

    private static Value title(Str text, Arguments arguments, Rendering rendering) {
        arguments.bind("title", rendering);
        rendering.text(text.text().length());
        rendering.bytes(80L * text.text().length());
        StringBuilder out = new StringBuilder();
        boolean wordStart = true;
        for (int i = 0; i < text.text().length(); ) {
            int c = text.text().codePointAt(i);
            String letter = Character.toString(c);
            boolean separator =
                    CodePoints.isSpace(c) || WORD_START.matcher(letter).matches();
            out.append(wordStart ? letter.toUpperCase(Locale.ROOT) : letter.toLowerCase(Locale.ROOT));
            wordStart = separator;
            i += Character.charCount(c);
        }
        return new Str(out.toString(), text.markup());
    }

    private static Value indent(Value value, Arguments arguments, Rendering rendering) {
        Bound bound = arguments.bind("indent", rendering, "width", "first", "blank");
        if (!(value instanceof Str(String text, boolean markup))) {
            throw rendering.error("the filter 'indent' needs text, got " + value.type());
        }
        Value width = bound.get("width", Int.of(4));
        String indentation = width instanceof Str(String own, var _)
                ? own
                : ((Str) Arithmetic.apply(Expr.Operator.MULTIPLY, new Str(" "), width, rendering)).text();
        List<String> lines = Lines.split(text + "\n", false);
        rendering.text(text.length() + (long) lines.size() * (indentation.length() + 1));
        StringBuilder out = new StringBuilder(bound.flag("first") ? indentation : "");
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i);
            boolean indented = i > 0 && (bound.flag("blank") || !line.isEmpty());
            out.append(i == 0 ? "" : "\n").append(indented ? indentation : "").append(line);
        }
        return new Str(out.toString(), markup);
    }

    private static Value integer(Value value, Arguments arguments, Rendering rendering) {
        Bound bound = arguments.bind("int", rendering, "default", "base");
        @Nullable BigInteger integer = Numbers.integer(value);
        if (value instanceof Str(String text, var _)) {
            rendering.scan(text.length());
            rendering.bytes(300 + 32L * Math.min(text.length(), Rendering.MAX_DIGITS));
            integer = Numbers.parseInteger(text, bound.integer("base", 10));
            @Nullable Double real = integer == null ? Numbers.parseReal(text) : null;
            if (real != null && Double.isFinite(real)) {
                integer = new BigDecimal(real).toBigInteger();
            }
        } else if (value instanceof Flt(double real)) {
            if (Double.isInfinite(real)) {
                throw rendering.error("cannot convert float infinity to integer");
            }
            integer = Double.isNaN(real) ? null : new BigDecimal(real).toBigInteger();
        } else if (value instanceof Undefined(String reason)) {
            throw rendering.error(reason);
        }
        return integer == null ? bound.get("default", Int.of(0)) : new Int(integer);
    }

    private static Value real(Value value, Arguments arguments, Rendering rendering) {
        Bound bound = arguments.bind("float", rendering, "default");
        if (value instanceof Undefined(String reason)) {
            throw rendering.error(reason);
        }
        if (Numbers.isNumber(value)) {
            return new Flt(Numbers.real(value, rendering));
        }
        rendering.bytes(400);
        @Nullable Double real = value instanceof Str(String text, var _) ? Numbers.parseReal(text) : null;
        return real == null ? bound.get("default", new Flt(0)) : new Flt(real);
    }

    private static Value abs(Value value, Arguments arguments, Rendering rendering) {
        arguments.bind("abs", rendering);
        @Nullable BigInteger integer = Numbers.integer(value);
        return integer != null ? new Int(integer.abs()) : new Flt(Math.abs(Numbers.real(value, rendering)));
    }

    private static Value round(Value value, Arguments arguments, Rendering rendering) {
        Bound bound = arguments.bind("round", rendering, "precision", "method");
        rendering.bytes(1000);
        int precision = bound.integer("precision", 0);
        String method = bound.find("method") == null ? "common" : bound.text("method");
        RoundingMode mode = switch (method) {
            case "common" -> RoundingMode.HALF_EVEN;
            case "ceil" -> RoundingMode.CEILING;
            case "floor" -> RoundingMode.FLOOR;
            default -> throw rendering.error("the filter 'round' knows common, ceil and floor, not '" + method + "'");
        };
        if (Math.abs((long) precision) > 400) {
            throw rendering.error("the filter 'round' takes a precision from -400 to 400");
        }
        @Nullable BigInteger integer = Numbers.integer(value);
        if (method.equals("common")) {
            if (integer != null) {
                return precision >= 0
                        ? new Int(integer)
                        : new Int(new BigDecimal(integer)
                                .setScale(precision, mode)
                                .toBigInteger());
            }
            double real = Numbers.real(value, rendering);
            return Double.isFinite(real)
                    ? new Flt(Math.copySign(
                            new BigDecimal(real).setScale(precision, mode).doubleValue(), real))
                    : value;
        }
        // as jinja2 computes it, with the rounding errors of its multiplication and division
        Value scale = Arithmetic.apply(Expr.Operator.POWER, Int.of(10), Int.of(precision), rendering);
        double scaled = Numbers.real(Arithmetic.apply(Expr.Operator.MULTIPLY, value, scale, rendering), rendering);
        if (!Double.isFinite(scaled)) {
            throw rendering.error("cannot convert float infinity or NaN to integer");
        }
        Int rounded = new Int(new BigDecimal(scaled).setScale(0, mode).toBigInteger());
        return Arithmetic.apply(Expr.Operator.DIVIDE, rounded, scale, rendering);
    }
}
