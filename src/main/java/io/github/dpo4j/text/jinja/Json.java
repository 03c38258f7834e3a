package io.github.dpo4j.text.jinja;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.text.jinja.Value.Bool;
import io.github.dpo4j.text.jinja.Value.Dict;
import io.github.dpo4j.text.jinja.Value.Flt;
import io.github.dpo4j.text.jinja.Value.Int;
import io.github.dpo4j.text.jinja.Value.Items;
import io.github.dpo4j.text.jinja.Value.None;
import io.github.dpo4j.text.jinja.Value.Str;
import io.github.dpo4j.text.jinja.Value.Tuple;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** JSON to values, and values to text as Python's json.dumps writes them. */
final class Json {
    private final Rendering rendering;
    private final boolean asciiOnly;
    private final @Nullable String indent;
    private final String itemSeparator;
    private final String keySeparator;
    private final boolean sortKeys;
    private final StringBuilder out = new StringBuilder();

    private Json(Arguments.Bound arguments, Rendering rendering) {
        this.rendering = rendering;
        this.asciiOnly = arguments.flag("ensure_ascii");
        this.sortKeys = arguments.flag("sort_keys");
        Value indentation = arguments.get("indent", None.NONE);
        this.indent = switch (indentation) {
            case None _ -> null;
            case Str(String text, var _) -> text;
            default -> spaces(Numbers.index(indentation, rendering), rendering);
        };
        Value separators = arguments.get("separators", None.NONE);
        if (separators instanceof None) {
            this.itemSeparator = indent == null ? ", " : ",";
            this.keySeparator = ": ";
        } else {
            List<Value> both = Iteration.list(separators, rendering);
            if (both.size() != 2
                    || !(both.getFirst() instanceof Str(String item, var _))
                    || !(both.getLast() instanceof Str(String key, var _))) {
                throw rendering.error("tojson needs two texts as separators");
            }
            this.itemSeparator = item;
            this.keySeparator = key;
        }
    }

    private static String spaces(int count, Rendering rendering) {
        rendering.text(Math.max(0, count));
        return " ".repeat(Math.max(0, count));
    }

    /** The filter tojson as transformers defines it: nothing escaped for HTML, characters beyond ASCII kept. */
    static String write(Value value, Arguments arguments, Rendering rendering) {
        Json json = new Json(
                arguments.bind("tojson", rendering, "ensure_ascii", "indent", "separators", "sort_keys"), rendering);
        json.write(value, 0);
        return json.out.toString();
    }

    private void add(String text) {
        rendering.text(text.length());
        if (out.length() + text.length() > Rendering.MAX_TEXT) {
            rendering.text(Rendering.MAX_TEXT + 1L);
        }
        out.append(text);
    }

    private void write(Value value, int level) {
        rendering.enter();
        switch (value) {
            case Str(String text, var _) -> string(text);
            case Items(var items) -> list(items, level);
            case Tuple(var items, var _) -> list(items, level);
            case Dict dict -> dict(dict, level);
            case Int _, Flt _, Bool _, None _ -> add(scalar(value));
            default -> throw rendering.error("Object of type " + value.type() + " is not JSON serializable");
        }
        rendering.exit();
    }

    private String scalar(Value value) {
        return switch (value) {
            case Int(var number) -> Numbers.shown(number, rendering);
            case Bool bool -> bool == Bool.TRUE ? "true" : "false";
            case None _ -> "null";
            case Flt(double number) when Double.isNaN(number) -> "NaN";
            case Flt(double number) when Double.isInfinite(number) -> number > 0 ? "Infinity" : "-Infinity";
            case Flt(double number) -> Numbers.shown(number);
            default -> throw rendering.error("a dict with keys of type " + value.type() + " is not JSON serializable");
        };
    }

    private void newLine(int level) {
        if (indent != null) {
            add("\n");
            for (int i = 0; i < level; i++) {
                add(indent);
            }
        }
    }

    private void list(List<Value> items, int level) {
        add("[");
        for (int i = 0; i < items.size(); i++) {
            add(i == 0 ? "" : itemSeparator);
            newLine(level + 1);
            write(items.get(i), level + 1);
        }
        if (!items.isEmpty()) {
            newLine(level);
        }
        add("]");
    }

    private void dict(Dict dict, int level) {
        List<Map.Entry<Value, Value>> entries = new ArrayList<>(dict.entries());
        rendering.items(entries.size());
        if (sortKeys) {
            Sorting.sort(entries, Map.Entry::getKey, false, rendering);
        }
        add("{");
        Iterator<Map.Entry<Value, Value>> iterator = entries.iterator();
        while (iterator.hasNext()) {
            Map.Entry<Value, Value> entry = iterator.next();
            newLine(level + 1);
            string(entry.getKey() instanceof Str(String text, var _) ? text : scalar(entry.getKey()));
            add(keySeparator);
            write(entry.getValue(), level + 1);
            add(iterator.hasNext() ? itemSeparator : "");
        }
        if (!entries.isEmpty()) {
            newLine(level);
        }
        add("}");
    }

    private void string(String text) {
        rendering.bytes(64 + (asciiOnly ? 16L : 3L) * text.length());
        StringBuilder quoted = new StringBuilder(text.length() + 2).append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> quoted.append("\\\"");
                case '\\' -> quoted.append("\\\\");
                case '\n' -> quoted.append("\\n");
                case '\r' -> quoted.append("\\r");
                case '\t' -> quoted.append("\\t");
                case '\f' -> quoted.append("\\f");
                case '\b' -> quoted.append("\\b");
                default -> {
                    if (c < 0x20 || (asciiOnly && c > 0x7e)) {
                        escape(c, quoted);
                    } else {
                        quoted.append(c);
                    }
                }
            }
        }
        add(quoted.append('"').toString());
    }

    private static void escape(char c, StringBuilder quoted) {
        if (c == 0x7f) {
            quoted.append(c);
            return;
        }
        quoted.append("\\u");
        for (int shift = 12; shift >= 0; shift -= 4) {
            quoted.append(Character.forDigit(c >> shift & 0xF, 16));
        }
    }

    static Value read(JsonNode node, Rendering rendering) {
        rendering.enter();
        Value value = switch (node.getNodeType()) {
            case STRING -> new Str(node.textValue());
            case BOOLEAN -> Bool.of(node.booleanValue());
            case NUMBER -> node.isIntegralNumber() ? new Int(node.bigIntegerValue()) : new Flt(node.doubleValue());
            case NULL, MISSING -> None.NONE;
            case ARRAY -> {
                List<Value> items = new ArrayList<>(node.size());
                node.forEach(item -> items.add(read(item, rendering)));
                yield new Items(items);
            }
            case OBJECT -> {
                Dict dict = new Dict();
                node.properties().forEach(entry -> dict.put(entry.getKey(), read(entry.getValue(), rendering)));
                yield dict;
            }
            case BINARY, POJO -> throw rendering.error("a variable that is not plain JSON");
        };
        rendering.exit();
        return value;
    }
}
