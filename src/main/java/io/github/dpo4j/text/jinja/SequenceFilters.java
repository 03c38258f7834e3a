package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Arguments.Bound;
import io.github.dpo4j.text.jinja.Value.Dict;
import io.github.dpo4j.text.jinja.Value.Int;
import io.github.dpo4j.text.jinja.Value.Items;
import io.github.dpo4j.text.jinja.Value.Lazy;
import io.github.dpo4j.text.jinja.Value.None;
import io.github.dpo4j.text.jinja.Value.Str;
import io.github.dpo4j.text.jinja.Value.Tuple;
import io.github.dpo4j.text.jinja.Value.Undefined;
import io.github.dpo4j.text.jinja.Value.View;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Jinja's filters on lists, dicts and other sequences. Those that Python writes as generators stay lazy. */
final class SequenceFilters {
    static final Set<String> NAMES = Set.of(
            "batch",
            "count",
            "dictsort",
            "first",
            "groupby",
            "items",
            "join",
            "last",
            "length",
            "list",
            "map",
            "max",
            "min",
            "reject",
            "rejectattr",
            "reverse",
            "select",
            "selectattr",
            "slice",
            "sort",
            "sum",
            "unique");

    private SequenceFilters() {}

    static Value apply(String name, Value value, Arguments arguments, Rendering rendering) {
        return switch (name) {
            case "length", "count" -> {
                arguments.bind(name, rendering);
                int size = Iteration.size(value, rendering);
                if (size < 0) {
                    throw rendering.error("object of type '" + value.type() + "' has no len()");
                }
                yield Int.of(size);
            }
            case "list" -> {
                arguments.bind(name, rendering);
                yield new Items(Iteration.list(value, rendering));
            }
            case "first" -> {
                arguments.bind(name, rendering);
                Iterator<Value> items = Iteration.iterate(value, rendering);
                yield items.hasNext() ? items.next() : new Undefined("No first item, sequence was empty.");
            }
            case "last" -> {
                arguments.bind(name, rendering);
                if (value instanceof Lazy) {
                    throw rendering.error("'generator' object is not reversible");
                }
                List<Value> items = Iteration.list(value, rendering);
                yield items.isEmpty() ? new Undefined("No last item, sequence was empty.") : items.getLast();
            }
            case "join" -> join(value, arguments, rendering);
            case "reverse" -> {
                arguments.bind(name, rendering);
                if (value instanceof Str text) {
                    yield Subscripts.slice(text, null, null, Int.of(-1), rendering);
                }
                yield Iteration.lazy(Iteration.list(value, rendering).reversed().iterator(), rendering);
            }
            case "items" -> {
                arguments.bind(name, rendering);
                if (!(value instanceof Dict) && !(value instanceof Undefined)) {
                    throw rendering.error("Can only get item pairs from a mapping.");
                }
                Value pairs = value instanceof Dict dict ? new View(View.Kind.ITEMS, dict) : value;
                yield Iteration.lazy(Iteration.iterate(pairs, rendering), rendering);
            }
            case "dictsort" -> dictsort(value, arguments, rendering);
            case "sort" -> sort(value, arguments, rendering);
            case "unique" -> {
                Bound bound = arguments.bind(name, rendering, "case_sensitive", "attribute");
                Function<Value, Value> key = key(bound, rendering);
                Set<Object> seen = new HashSet<>();
                Iterator<Value> items = Iteration.iterate(value, rendering);
                Predicate<Value> isNew = item -> seen.add(Comparisons.hashKey(key.apply(item), rendering));
                yield Iteration.lazy(matching(items, isNew, rendering), rendering);
            }
            case "min", "max" -> extreme(name, value, arguments, rendering);
            case "sum" -> {
                Bound bound = arguments.bind(name, rendering, "attribute", "start");
                Function<Value, Value> getter = attribute(bound.find("attribute"), null, rendering);
                Value sum = bound.get("start", Int.of(0));
                if (sum instanceof Str) {
                    throw rendering.error("sum() can't sum strings");
                }
                for (Value item : Iteration.list(value, rendering)) {
                    sum = Arithmetic.apply(Expr.Operator.ADD, sum, getter.apply(item), rendering);
                }
                yield sum;
            }
            case "map" -> map(value, arguments, rendering);
            case "select", "reject" -> {
                Predicate<Value> check = check(arguments, 0, rendering);
                yield filtered(value, name.equals("select") ? check : check.negate(), rendering);
            }
            case "selectattr", "rejectattr" -> {
                if (arguments.positional().isEmpty()) {
                    throw rendering.error("the filter '" + name + "' needs an attribute's name");
                }
                Function<Value, Value> getter = attribute(arguments.positional().getFirst(), null, rendering);
                Predicate<Value> check = check(arguments, 1, rendering);
                Predicate<Value> onAttribute = item -> check.test(getter.apply(item));
                yield filtered(value, name.equals("selectattr") ? onAttribute : onAttribute.negate(), rendering);
            }
            case "batch" -> batch(value, arguments, rendering);
            case "slice" -> slice(value, arguments, rendering);
            case "groupby" -> groupby(value, arguments, rendering);
            default -> throw rendering.error("there is no filter '" + name + "'");
        };
    }

    private static Value join(Value value, Arguments arguments, Rendering rendering) {
        Bound bound = arguments.bind("join", rendering, "d", "attribute");
        String separator = Printing.text(bound.get("d", new Str("")), rendering);
        Function<Value, Value> getter = attribute(bound.find("attribute"), null, rendering);
        StringBuilder joined = new StringBuilder();
        Iterator<Value> items = Iteration.iterate(value, rendering);
        for (boolean first = true; items.hasNext(); first = false) {
            rendering.step();
            String item = Printing.text(getter.apply(items.next()), rendering);
            rendering.text((long) separator.length() + item.length());
            rendering.text(joined.length() + item.length() > Rendering.MAX_TEXT ? Rendering.MAX_TEXT + 1L : 0);
            joined.append(first ? "" : separator).append(item);
        }
        return new Str(joined.toString());
    }

    private static Value dictsort(Value value, Arguments arguments, Rendering rendering) {
        Bound bound = arguments.bind("dictsort", rendering, "case_sensitive", "by", "reverse");
        String by = bound.find("by") == null ? "key" : bound.text("by");
        if (!by.equals("key") && !by.equals("value")) {
            throw rendering.error("the filter 'dictsort' sorts by key or value, not by '" + by + "'");
        }
        if (!(value instanceof Dict dict)) {
            throw rendering.error("the filter 'dictsort' needs a dict, got " + value.type());
        }
        boolean caseSensitive = bound.flag("case_sensitive");
        List<Map.Entry<Value, Value>> entries = new ArrayList<>(dict.entries());
        Sorting.sort(
                entries,
                entry -> {
                    Value key = by.equals("key") ? entry.getKey() : entry.getValue();
                    return caseSensitive ? key : ignoringCase(key);
                },
                bound.flag("reverse"),
                rendering);
        return new Items(Iteration.list(
                new Items(entries.stream()
                        .<Value>map(entry -> new Tuple(List.of(entry.getKey(), entry.getValue())))
                        .toList()),
                rendering));
    }

    private static Value ignoringCase(Value value) {
        return value instanceof Str(String text, var _) ? new Str(text.toLowerCase(Locale.ROOT)) : value;
    }

    private static Function<Value, Value> key(Bound bound, Rendering rendering) {
        Function<Value, Value> getter = attribute(bound.find("attribute"), null, rendering);
        return bound.flag("case_sensitive") ? getter : item -> ignoringCase(getter.apply(item));
    }

    private static Value sort(Value value, Arguments arguments, Rendering rendering) {
        Bound bound = arguments.bind("sort", rendering, "reverse", "case_sensitive", "attribute");
        boolean caseSensitive = bound.flag("case_sensitive");
        List<Function<Value, Value>> getters = new ArrayList<>();
        if (bound.find("attribute") instanceof Str(String names, var _)) {
            for (String name : names.split(",", -1)) {
                getters.add(attribute(new Str(name), null, rendering));
            }
        } else {
            getters.add(attribute(bound.find("attribute"), null, rendering));
        }
        List<Value> items = new ArrayList<>(Iteration.list(value, rendering));
        Sorting.sort(
                items,
                item -> {
                    List<Value> keys = new ArrayList<>(getters.size());
                    getters.forEach(
                            getter -> keys.add(caseSensitive ? getter.apply(item) : ignoringCase(getter.apply(item))));
                    return new Items(keys);
                },
                bound.flag("reverse"),
                rendering);
        return new Items(items);
    }

    private static Value extreme(String name, Value value, Arguments arguments, Rendering rendering) {
        Function<Value, Value> key = key(arguments.bind(name, rendering, "case_sensitive", "attribute"), rendering);
        @Nullable Value best = null;
        for (Value item : Iteration.list(value, rendering)) {
            boolean better = best == null
                    || (name.equals("min")
                            ? Comparisons.less(key.apply(item), key.apply(best), false, rendering)
                            : Comparisons.less(key.apply(best), key.apply(item), false, rendering));
            best = better ? item : best;
        }
        return best == null ? new Undefined("No aggregated item, sequence was empty.") : best;
    }

    private static Value map(Value value, Arguments arguments, Rendering rendering) {
        Function<Value, Value> function;
        if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
            Bound bound = arguments.bind("map", rendering, "attribute", "default");
            function = attribute(bound.get("attribute"), bound.find("default"), rendering);
        } else if (!arguments.positional().isEmpty()
                && arguments.positional().getFirst() instanceof Str(String filter, var _)) {
            Arguments rest = arguments.from(1);
            function = item -> Filters.apply(filter, item, rest, rendering);
        } else {
            throw rendering.error("the filter 'map' needs a filter's name or an attribute");
        }
        Iterator<Value> items = truthyItems(value, rendering);
        return Iteration.lazy(
                new Iterator<>() {
                    @Override
                    public boolean hasNext() {
                        return items.hasNext();
                    }

                    @Override
                    public Value next() {
                        return function.apply(items.next());
                    }
                },
                rendering);
    }

    /** These filters look at nothing that is false, so that none, too, gives no items. */
    private static Iterator<Value> truthyItems(Value value, Rendering rendering) {
        return Iteration.truth(value)
                ? Iteration.iterate(value, rendering)
                : List.<Value>of().iterator();
    }

    private static Predicate<Value> check(Arguments arguments, int from, Rendering rendering) {
        if (arguments.positional().size() <= from) {
            return Iteration::truth;
        }
        if (!(arguments.positional().get(from) instanceof Str(String test, var _))) {
            throw rendering.error("a test's name must be text");
        }
        Arguments rest = arguments.from(from + 1);
        return item -> Checks.holds(test, item, rest, rendering);
    }

    private static Value filtered(Value value, Predicate<Value> kept, Rendering rendering) {
        Iterator<Value> items = truthyItems(value, rendering);
        return Iteration.lazy(matching(items, kept, rendering), rendering);
    }

    /** The items that are kept, each looked at when it is asked for. */
    static Iterator<Value> matching(Iterator<Value> items, Predicate<Value> kept, Rendering rendering) {
        return new Iterator<>() {
            private @Nullable Value ahead;

            @Override
            public boolean hasNext() {
                while (ahead == null && items.hasNext()) {
                    rendering.step();
                    Value item = items.next();
                    ahead = kept.test(item) ? item : null;
                }
                return ahead != null;
            }

            @Override
            public Value next() {
                Value item = hasNext() ? ahead : null;
                if (item == null) {
                    throw new NoSuchElementException();
                }
                ahead = null;
                return item;
            }
        };
    }

    private static Value groupby(Value value, Arguments arguments, Rendering rendering) {
        Bound bound = arguments.bind("groupby", rendering, "attribute", "default", "case_sensitive");
        Value otherwise = bound.get("default", None.NONE);
        Function<Value, Value> getter =
                attribute(bound.get("attribute"), otherwise instanceof None ? null : otherwise, rendering);
        boolean caseSensitive = bound.flag("case_sensitive");
        Function<Value, Value> key = caseSensitive ? getter : item -> ignoringCase(getter.apply(item));
        List<Value> items = new ArrayList<>(Iteration.list(value, rendering));
        Sorting.sort(items, key, false, rendering);
        List<Value> groups = new ArrayList<>();
        for (int start = 0; start < items.size(); ) {
            Value first = key.apply(items.get(start));
            int end = start + 1;
            while (end < items.size() && Comparisons.equal(first, key.apply(items.get(end)), rendering)) {
                end++;
            }
            rendering.items(8 + (end - start));
            Items group = new Items(new ArrayList<>(items.subList(start, end)));
            groups.add(new Tuple(List.of(getter.apply(items.get(start)), group), true));
            start = end;
        }
        return new Items(groups);
    }

    private static Value slice(Value value, Arguments arguments, Rendering rendering) {
        Bound bound = arguments.bind("slice", rendering, "slices", "fill_with");
        int slices = Numbers.index(bound.get("slices"), rendering);
        if (slices < 1 || slices > Value.Range.MAX_SIZE) {
            throw rendering.error("the filter 'slice' takes a number from 1 to " + Value.Range.MAX_SIZE);
        }
        List<Value> items = Iteration.list(value, rendering);
        Value fill = bound.get("fill_with", None.NONE);
        List<Value> parts = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < slices; i++) {
            boolean longer = i < items.size() % slices;
            int end = start + items.size() / slices + (longer ? 1 : 0);
            rendering.items(8 + (end - start));
            List<Value> part = new ArrayList<>(items.subList(start, end));
            if (!longer && !(fill instanceof None)) {
                part.add(fill);
            }
            parts.add(new Items(part));
            start = end;
        }
        return Iteration.lazy(parts.iterator(), rendering);
    }

    private static Value batch(Value value, Arguments arguments, Rendering rendering) {
        Bound bound = arguments.bind("batch", rendering, "linecount", "fill_with");
        int size = Numbers.index(bound.get("linecount"), rendering);
        if (size < 1 || size > Value.Range.MAX_SIZE) {
            throw rendering.error("the filter 'batch' takes a size from 1 to " + Value.Range.MAX_SIZE);
        }
        List<Value> batches = new ArrayList<>();
        List<Value> batch = new ArrayList<>();
        for (Value item : Iteration.list(value, rendering)) {
            if (batch.size() == size) {
                batches.add(new Items(batch));
                batch = new ArrayList<>();
            }
            batch.add(item);
        }
        Value fill = bound.get("fill_with", None.NONE);
        while (!batch.isEmpty() && !(fill instanceof None) && batch.size() < size) {
            rendering.step();
            batch.add(fill);
        }
        if (!batch.isEmpty()) {
            batches.add(new Items(batch));
        }
        return Iteration.lazy(batches.iterator(), rendering);
    }

    /** What an attribute argument reads: a path such as function.name or 0; null or none is the item itself. */
    private static Function<Value, Value> attribute(
            @Nullable Value attribute, @Nullable Value otherwise, Rendering rendering) {
        if (attribute == null || attribute instanceof None) {
            return item -> item;
        }
        List<Value> path = new ArrayList<>();
        if (attribute instanceof Str(String names, var _)) {
            for (String name : names.split("\\.", -1)) {
                boolean index = !name.isEmpty() && FormatSpec.digits(name, 0) == name.length();
                path.add(index ? Int.of(FormatSpec.integer(name, rendering)) : new Str(name));
            }
        } else {
            path.add(attribute);
        }
        return item -> {
            Value value = item;
            for (Value key : path) {
                value = Subscripts.item(value, key, rendering);
                value = value instanceof Undefined && otherwise != null ? otherwise : value;
            }
            return value;
        };
    }
}
