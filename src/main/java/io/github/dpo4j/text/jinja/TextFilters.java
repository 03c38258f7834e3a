package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Arguments.Bound;
import io.github.dpo4j.text.jinja.Value.Dict;
import io.github.dpo4j.text.jinja.Value.Int;
import io.github.dpo4j.text.jinja.Value.None;
import io.github.dpo4j.text.jinja.Value.Str;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;

/** Jinja's filters that count, shorten and quote text. */
final class TextFilters {
    static final Set<String> NAMES = Set.of("truncate", "urlencode", "wordcount");

    private TextFilters() {}

    static Value apply(String name, Value value, Arguments arguments, Rendering rendering) {
        return switch (name) {
            case "wordcount" -> {
                arguments.bind(name, rendering);
                yield wordcount(Printing.text(value, rendering), rendering);
            }
            case "truncate" -> truncate(value, arguments, rendering);
            case "urlencode" -> {
                arguments.bind(name, rendering);
                yield new Str(urlencode(value, rendering));
            }
            default -> throw rendering.error("there is no filter '" + name + "'");
        };
    }

    private static Value wordcount(String text, Rendering rendering) {
        rendering.scan(text.length());
        int words = 0;
        boolean inWord = false;
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            boolean letter = c == '_' || CodePoints.isLetterOrNumber(c);
            words += letter && !inWord ? 1 : 0;
            inWord = letter;
            i += Character.charCount(c);
        }
        return Int.of(words);
    }

    private static Value truncate(Value value, Arguments arguments, Rendering rendering) {
        Bound bound = arguments.bind("truncate", rendering, "length", "killwords", "end", "leeway");
        String end = bound.find("end") == null ? "..." : bound.text("end");
        int length = bound.integer("length", 255);
        int leeway = bound.get("leeway", None.NONE) instanceof None ? 5 : bound.integer("leeway", 5);
        int kept = length - CodePoints.length(end);
        if (kept < 0 || leeway < 0) {
            throw rendering.error("truncate expects a length of at least that of its end, and a leeway of at least 0");
        }
        int size = Iteration.size(value, rendering);
        if (size < 0) {
            throw rendering.error("object of type '" + value.type() + "' has no len()");
        }
        if (size <= (long) length + leeway) {
            return value;
        }
        Value start = Subscripts.slice(value, null, Int.of(kept), null, rendering);
        if (!(start instanceof Str(String text, boolean markup))) {
            throw rendering.error("the filter 'truncate' needs text, got " + value.type());
        }
        int space = bound.flag("killwords") ? -1 : text.lastIndexOf(' ');
        return Arithmetic.apply(
                Expr.Operator.ADD,
                new Str(space < 0 ? text : text.substring(0, space), markup),
                new Str(end),
                rendering);
    }

    private static String urlencode(Value value, Rendering rendering) {
        if (value instanceof Str || !Iteration.isIterable(value)) {
            return quoted(Printing.text(value, rendering), false, rendering);
        }
        Value pairs = value instanceof Dict dict ? new Value.View(Value.View.Kind.ITEMS, dict) : value;
        List<String> parts = new ArrayList<>();
        for (Iterator<Value> items = Iteration.iterate(pairs, rendering); items.hasNext(); ) {
            List<Value> pair = Iteration.list(items.next(), rendering);
            if (pair.size() != 2) {
                throw rendering.error("urlencode needs pairs of a key and a value");
            }
            parts.add(quoted(Printing.text(pair.getFirst(), rendering), true, rendering) + "="
                    + quoted(Printing.text(pair.getLast(), rendering), true, rendering));
        }
        return String.join("&", parts);
    }

    private static String quoted(String text, boolean query, Rendering rendering) {
        rendering.text(9L * text.length());
        StringBuilder out = new StringBuilder();
        for (byte unit : text.getBytes(StandardCharsets.UTF_8)) {
            char c = (char) (unit & 0xFF);
            boolean plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            if (plain || "_.-~".indexOf(c) >= 0 || (c == '/' && !query)) {
                out.append(c);
            } else if (c == ' ' && query) {
                out.append('+');
            } else {
                out.append('%')
                        .append(Character.toUpperCase(Character.forDigit(c >> 4, 16)))
                        .append(Character.toUpperCase(Character.forDigit(c & 0xF, 16)));
            }
        }
        return out.toString();
    }
}
