package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Value.Int;
import io.github.dpo4j.text.jinja.Value.Str;
import org.jspecify.annotations.Nullable;

/** text.format(...), as in "{} and {name:>5}". */
final class BraceFormat {
    private final String format;
    private final Arguments arguments;
    private final boolean markup;
    private final Rendering rendering;
    private int nextIndex;

    private BraceFormat(String format, Arguments arguments, boolean markup, Rendering rendering) {
        this.format = format;
        this.arguments = arguments;
        this.markup = markup;
        this.rendering = rendering;
    }

    static String format(String format, Arguments arguments, boolean markup, Rendering rendering) {
        return new BraceFormat(format, arguments, markup, rendering).run();
    }

    private String run() {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            boolean doubled = i + 1 < format.length() && format.charAt(i + 1) == c;
            if ((c == '{' || c == '}') && doubled) {
                out.append(c);
                i++;
            } else if (c == '{') {
                int end = format.indexOf('}', i);
                if (end < 0 || format.substring(i + 1, end).indexOf('{') >= 0) {
                    throw rendering.error("expected '}' before the end of the format, and no nested fields");
                }
                String shown = field(format.substring(i + 1, end));
                rendering.text((long) out.length() + shown.length() > Rendering.MAX_TEXT ? Rendering.MAX_TEXT + 1L : 0);
                out.append(shown);
                i = end;
            } else if (c == '}') {
                throw rendering.error("single '}' encountered in format string");
            } else {
                out.append(c);
            }
        }
        return out.toString();
    }

    private String field(String field) {
        rendering.step();
        int colon = field.indexOf(':');
        String spec = colon < 0 ? "" : field.substring(colon + 1);
        String path = colon < 0 ? field : field.substring(0, colon);
        int mark = path.indexOf('!');
        String conversion = mark < 0 ? "" : path.substring(mark + 1);
        path = mark < 0 ? path : path.substring(0, mark);
        Value value = value(path);
        value = switch (conversion) {
            case "" -> value;
            case "s" -> new Str(Printing.text(value, rendering));
            case "r" -> new Str(Printing.repr(value, rendering));
            default -> throw rendering.error("the conversion '!" + conversion + "' is not supported");
        };
        return markup && spec.isEmpty() ? Markup.joining(value, rendering) : FormatSpec.format(value, spec, rendering);
    }

    /** The value of a field such as 0, name, name.attribute or name[key]. */
    private Value value(String path) {
        int end = 0;
        while (end < path.length() && path.charAt(end) != '.' && path.charAt(end) != '[') {
            end++;
        }
        String first = path.substring(0, end);
        Value value = first.isEmpty() || isIndex(first)
                ? positional(first.isEmpty() ? nextIndex++ : FormatSpec.integer(first, rendering))
                : named(first);
        while (end < path.length()) {
            int start = end + 1;
            if (path.charAt(end) == '.') {
                end = start;
                while (end < path.length() && path.charAt(end) != '.' && path.charAt(end) != '[') {
                    end++;
                }
                value = Subscripts.attribute(value, path.substring(start, end), rendering);
            } else {
                end = path.indexOf(']', start);
                if (end < 0) {
                    throw rendering.error("missing ']' in format string");
                }
                String key = path.substring(start, end);
                end++;
                value = Subscripts.item(
                        value, isIndex(key) ? Int.of(FormatSpec.integer(key, rendering)) : new Str(key), rendering);
            }
        }
        return value;
    }

    private static boolean isIndex(String text) {
        return !text.isEmpty() && FormatSpec.digits(text, 0) == text.length();
    }

    private Value positional(int index) {
        if (index >= arguments.positional().size()) {
            throw rendering.error("the format asks for argument " + index + ", which is not given");
        }
        return arguments.positional().get(index);
    }

    private Value named(String name) {
        @Nullable Value value = arguments.named().get(name);
        if (value == null) {
            throw rendering.error("the format asks for argument '" + name + "', which is not given");
        }
        return value;
    }
}
