package io.github.dpo4j.text.jinja;

import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Collection;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Everything a template can hold; there is no way from here to a Java object. The values behave like the Python values that
 * jinja2 would see. They are compared by {@link Comparisons}, never by equals.
 */
sealed interface Value {
    /** Python's name of the type, for messages. */
    default String type() {
        return switch (this) {
            case Str _ -> "str";
            case Int _ -> "int";
            case Flt _ -> "float";
            case Bool _ -> "bool";
            case None _ -> "NoneType";
            case Undefined _ -> "Undefined";
            case Items _ -> "list";
            case Tuple _ -> "tuple";
            case Dict _ -> "dict";
            case Range _ -> "range";
            case View view -> view.kind().type;
            case Lazy _ -> "generator";
            case Namespace _ -> "Namespace";
            case Loop _ -> "LoopContext";
            case Macro _ -> "Macro";
            case Method _ -> "method";
            case Function _ -> "function";
        };
    }

    /** Text; markup is text marked by the filters safe and escape, which escapes what is joined to it. */
    record Str(String text, boolean markup) implements Value {
        Str(String text) {
            this(text, false);
        }
    }

    record Int(BigInteger number) implements Value {
        private static final Int[] SMALL = new Int[1024];

        static {
            Arrays.setAll(SMALL, number -> new Int(BigInteger.valueOf(number)));
        }

        static Int of(long number) {
            return number >= 0 && number < SMALL.length ? SMALL[(int) number] : new Int(BigInteger.valueOf(number));
        }
    }

    record Flt(double number) implements Value {}

    enum Bool implements Value {
        TRUE,
        FALSE;

        static Bool of(boolean truth) {
            return truth ? TRUE : FALSE;
        }
    }

    enum None implements Value {
        NONE
    }

    /** What a missing name or attribute gives; it prints as nothing, and using it otherwise fails for the reason it holds. */
    record Undefined(String reason) implements Value {}

    record Items(List<Value> items) implements Value {}

    /** A tuple; one that is a group has its two items by the names grouper and list, too. */
    record Tuple(List<Value> items, boolean group) implements Value {
        Tuple(List<Value> items) {
            this(items, false);
        }
    }

    record Range(long start, long stop, long step) implements Value {
        static final int MAX_SIZE = 100_000;

        int size() {
            long span = step > 0 ? stop - start : start - stop;
            return span <= 0 ? 0 : (int) Math.min((span - 1) / Math.abs(step) + 1, Integer.MAX_VALUE);
        }

        Value get(int index) {
            return Int.of(start + index * step);
        }
    }

    /** keys(), values() or items() of a dict. */
    record View(Kind kind, Dict dict) implements Value {
        enum Kind {
            KEYS("dict_keys"),
            VALUES("dict_values"),
            ITEMS("dict_items");

            final String type;

            Kind(String type) {
                this.type = type;
            }
        }
    }

    /** A Python generator: gives each item once, when it is asked for; always true, without a length. */
    final class Lazy implements Value {
        final Iterator<Value> iterator;

        Lazy(Iterator<Value> iterator) {
            this.iterator = iterator;
        }
    }

    /** The one value that a template may change, through set ns.name. */
    record Namespace(Dict attributes) implements Value {}

    record Macro(Stmt.Macro definition, Scope scope) implements Value {}

    /** A method that is not called yet. */
    record Method(Value receiver, String name) implements Value {}

    /** A global function. */
    enum Function implements Value {
        RANGE("range"),
        DICT("dict"),
        NAMESPACE("namespace"),
        RAISE_EXCEPTION("raise_exception"),
        STRFTIME_NOW("strftime_now");

        final String called;

        Function(String called) {
            this.called = called;
        }
    }

    /** A dict in its insertion order. */
    final class Dict implements Value {
        private final LinkedHashMap<Object, Map.Entry<Value, Value>> entries = new LinkedHashMap<>();

        int size() {
            return entries.size();
        }

        Collection<Map.Entry<Value, Value>> entries() {
            return entries.values();
        }

        @Nullable
        Value get(Object hashKey) {
            Map.@Nullable Entry<Value, Value> entry = entries.get(hashKey);
            return entry == null ? null : entry.getValue();
        }

        /** As in Python, a key that is there already keeps its place and its first spelling (1 and True are one key). */
        void put(Object hashKey, Value key, Value value) {
            Map.@Nullable Entry<Value, Value> before = entries.get(hashKey);
            entries.put(hashKey, Map.entry(before == null ? key : before.getKey(), value));
        }

        void put(String key, Value value) {
            put(key, new Str(key), value);
        }
    }

    /** The variable loop of a for. */
    final class Loop implements Value {
        /** Renders the body of a recursive loop for other items, one level deeper. */
        interface Recursion {
            Value render(Value items);
        }

        private final Iterator<Value> items;
        private int length;
        final int depth0;
        final @Nullable Recursion recursion;
        private @Nullable Deque<Value> ahead;
        int index0 = -1;

        @Nullable
        Value previous;

        @Nullable
        Value current;

        @Nullable
        Value lastChanged;

        /** The length is -1 where only going through all items tells. */
        Loop(Iterator<Value> items, int length, int depth0, @Nullable Recursion recursion) {
            this.items = items;
            this.length = length;
            this.depth0 = depth0;
            this.recursion = recursion;
        }

        boolean hasNext() {
            return (ahead != null && !ahead.isEmpty()) || items.hasNext();
        }

        Value next() {
            Value item = ahead != null && !ahead.isEmpty() ? ahead.removeFirst() : items.next();
            index0++;
            previous = current;
            current = item;
            return item;
        }

        @Nullable
        Value peek() {
            if (!hasNext()) {
                return null;
            }
            Deque<Value> queue = queue();
            if (queue.isEmpty()) {
                queue.add(items.next());
            }
            return queue.peekFirst();
        }

        int length() {
            if (length < 0) {
                Deque<Value> queue = queue();
                while (items.hasNext()) {
                    queue.add(items.next());
                }
                length = index0 + 1 + queue.size();
            }
            return length;
        }

        private Deque<Value> queue() {
            Deque<Value> queue = ahead == null ? new ArrayDeque<>() : ahead;
            ahead = queue;
            return queue;
        }
    }
}
