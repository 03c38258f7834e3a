package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Arguments.Bound;
import io.github.dpo4j.text.jinja.Value.Dict;
import io.github.dpo4j.text.jinja.Value.Int;
import io.github.dpo4j.text.jinja.Value.Items;
import io.github.dpo4j.text.jinja.Value.Loop;
import io.github.dpo4j.text.jinja.Value.None;
import io.github.dpo4j.text.jinja.Value.Tuple;
import io.github.dpo4j.text.jinja.Value.View;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The methods of dict, list and tuple that change nothing, and those of loop. */
final class CollectionMethods {
    static final Set<String> DICT = Set.of("copy", "fromkeys", "get", "items", "keys", "values");
    static final Set<String> LIST = Set.of("copy", "count", "index");
    static final Set<String> TUPLE = Set.of("count", "index");

    private CollectionMethods() {}

    static Value ofDict(Dict dict, String name, Arguments arguments, Rendering rendering) {
        return switch (name) {
            case "get" -> {
                Bound bound = arguments.bind(name, rendering, "key", "default");
                @Nullable Value value = dict.get(Comparisons.hashKey(bound.get("key"), rendering));
                yield value == null ? bound.get("default", None.NONE) : value;
            }
            case "items" -> view(View.Kind.ITEMS, dict, name, arguments, rendering);
            case "keys" -> view(View.Kind.KEYS, dict, name, arguments, rendering);
            case "values" -> view(View.Kind.VALUES, dict, name, arguments, rendering);
            case "copy" -> {
                arguments.bind(name, rendering);
                yield copy(dict, rendering);
            }
            default -> throw rendering.error("the method '" + name + "' of dicts is not supported");
        };
    }

    private static Value view(View.Kind kind, Dict dict, String name, Arguments arguments, Rendering rendering) {
        arguments.bind(name, rendering);
        return new View(kind, dict);
    }

    static Dict copy(Dict dict, Rendering rendering) {
        rendering.items(8L * dict.size());
        Dict copy = new Dict();
        for (Map.Entry<Value, Value> entry : dict.entries()) {
            copy.put(Comparisons.hashKey(entry.getKey(), rendering), entry.getKey(), entry.getValue());
        }
        return copy;
    }

    static Value ofSequence(Value sequence, String name, Arguments arguments, Rendering rendering) {
        List<Value> items = Iteration.list(sequence, rendering);
        if (name.equals("copy")) {
            arguments.bind(name, rendering);
            return new Items(items);
        }
        Bound bound = arguments.bind(name, rendering, "value", "start", "stop");
        Value wanted = bound.get("value");
        int start = bound.integer("start", 0);
        int stop = bound.integer("stop", items.size());
        start = start < 0 ? Math.max(0, start + items.size()) : start;
        stop = stop < 0 ? stop + items.size() : Math.min(stop, items.size());
        int count = 0;
        for (int i = start; i < stop; i++) {
            rendering.scan(8);
            if (Comparisons.sameOrEqual(items.get(i), wanted, rendering)) {
                if (name.equals("index")) {
                    return Int.of(i);
                }
                count++;
            }
        }
        if (name.equals("index")) {
            throw rendering.error(Printing.repr(wanted, rendering) + " is not in list");
        }
        return Int.of(count);
    }

    static Value ofLoop(Loop loop, String name, Arguments arguments, Rendering rendering) {
        if (name.equals("cycle")) {
            if (arguments.positional().isEmpty()) {
                throw rendering.error("no items for cycling given");
            }
            return arguments
                    .positional()
                    .get(loop.index0 % arguments.positional().size());
        }
        Value now = new Tuple(arguments.positional());
        boolean changed = loop.lastChanged == null || !Comparisons.equal(loop.lastChanged, now, rendering);
        loop.lastChanged = now;
        return Value.Bool.of(changed);
    }
}
