package io.github.dpo4j.text.jinja;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Names in force at a place of the template; assignments stay in the innermost scope, as in Jinja. */
final class Scope {
    /** Bytes that a new scope takes, about. */
    static final int BYTES = 160;

    /** Most scopes hold a loop's two names, for which a map would be most of the cost of a pass. */
    private static final int FEW = 8;

    private final @Nullable Scope outer;
    private final List<String> names = new ArrayList<>(4);
    private final List<Value> values = new ArrayList<>(4);
    private @Nullable Map<String, Integer> places;

    /** How many scopes lie around this one: what looking up a name may cost. */
    private final int depth;

    Scope(@Nullable Scope outer) {
        this.outer = outer;
        this.depth = outer == null ? 0 : outer.depth + 1;
    }

    int depth() {
        return depth;
    }

    Value get(String name) {
        for (@Nullable Scope scope = this; scope != null; scope = scope.outer) {
            int place = scope.place(name);
            if (place >= 0) {
                return scope.values.get(place);
            }
        }
        return new Value.Undefined("'" + name + "' is undefined");
    }

    void set(String name, Value value) {
        int place = place(name);
        if (place >= 0) {
            values.set(place, value);
            return;
        }
        if (places != null) {
            places.put(name, names.size());
        }
        names.add(name);
        values.add(value);
        if (places == null && names.size() > FEW) {
            Map<String, Integer> all = new HashMap<>();
            for (int i = 0; i < names.size(); i++) {
                all.put(names.get(i), i);
            }
            places = all;
        }
    }

    private int place(String name) {
        return places == null ? names.indexOf(name) : places.getOrDefault(name, -1);
    }
}
