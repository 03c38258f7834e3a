package io.github.dpo4j.text.jinja;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The evaluated arguments of a call. */
record Arguments(List<Value> positional, Map<String, Value> named) {
    static final Arguments NONE = new Arguments(List.of(), Map.of());

    static Arguments of(Value... positional) {
        return new Arguments(List.of(positional), Map.of());
    }

    /** These arguments less the first positional ones. */
    Arguments from(int first) {
        return new Arguments(positional.subList(first, positional.size()), named);
    }

    /** Gives each argument its parameter's name; too many, unknown or twice given ones are errors. */
    Bound bind(String callee, Rendering rendering, String... parameters) {
        if (positional.size() > parameters.length) {
            throw rendering.error(
                    callee + " takes at most " + parameters.length + " arguments, got " + positional.size());
        }
        rendering.bytes(200);
        Map<String, Value> values = new HashMap<>();
        for (int i = 0; i < positional.size(); i++) {
            values.put(parameters[i], positional.get(i));
        }
        List<String> known = List.of(parameters);
        named.forEach((name, value) -> {
            if (!known.contains(name) || values.put(name, value) != null) {
                throw rendering.error(callee + " got an unknown or repeated argument '" + name + "'");
            }
        });
        return new Bound(callee, rendering, values);
    }

    Arguments with(String name, Value value) {
        Map<String, Value> more = new LinkedHashMap<>(named);
        more.put(name, value);
        return new Arguments(new ArrayList<>(positional), more);
    }

    /** Arguments by the names of their parameters. */
    record Bound(String callee, Rendering rendering, Map<String, Value> values) {
        @Nullable
        Value find(String name) {
            return values.get(name);
        }

        Value get(String name) {
            @Nullable Value value = values.get(name);
            if (value == null) {
                throw rendering.error(callee + " needs the argument '" + name + "'");
            }
            return value;
        }

        Value get(String name, Value otherwise) {
            @Nullable Value value = values.get(name);
            return value == null ? otherwise : value;
        }

        boolean flag(String name) {
            return Iteration.truth(get(name, Value.Bool.FALSE));
        }

        /** An integer, kept within what Java's int holds: beyond that, texts and lists end anyway. */
        int integer(String name, int otherwise) {
            @Nullable Value value = values.get(name);
            return value == null ? otherwise : Numbers.index(value, rendering);
        }

        String text(String name) {
            Value value = get(name);
            if (value instanceof Value.Str(String text, var _)) {
                return text;
            }
            throw rendering.error(callee + " needs text as '" + name + "', got " + value.type());
        }
    }
}
