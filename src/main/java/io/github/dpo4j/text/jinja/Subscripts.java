package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Value.Bool;
import io.github.dpo4j.text.jinja.Value.Dict;
import io.github.dpo4j.text.jinja.Value.Int;
import io.github.dpo4j.text.jinja.Value.Items;
import io.github.dpo4j.text.jinja.Value.Loop;
import io.github.dpo4j.text.jinja.Value.Macro;
import io.github.dpo4j.text.jinja.Value.Method;
import io.github.dpo4j.text.jinja.Value.Namespace;
import io.github.dpo4j.text.jinja.Value.None;
import io.github.dpo4j.text.jinja.Value.Range;
import io.github.dpo4j.text.jinja.Value.Str;
import io.github.dpo4j.text.jinja.Value.Tuple;
import io.github.dpo4j.text.jinja.Value.Undefined;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** value.name, value[key] and value[a:b:c], as jinja2's immutable sandbox resolves them. */
final class Subscripts {
    private static final Set<String> LIST_CHANGES =
            Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove");
    private static final Set<String> DICT_CHANGES = Set.of("clear", "pop", "popitem", "setdefault", "update");
    private static final Set<String> NUMBER_ATTRIBUTES = Set.of(
            "as_integer_ratio",
            "bit_count",
            "bit_length",
            "conjugate",
            "from_bytes",
            "fromhex",
            "hex",
            "is_integer",
            "to_bytes");

    private Subscripts() {}

    /** value.name: a method or attribute first, then a dict's key. */
    static Value attribute(Value value, String name, Rendering rendering) {
        if (value instanceof Undefined(String reason)) {
            throw rendering.error(reason);
        }
        @Nullable Value own = ownAttribute(value, name, rendering);
        if (own != null) {
            return own;
        }
        @Nullable Value item = value instanceof Dict dict ? dict.get(name) : null;
        return item != null ? item : missingAttribute(value, name);
    }

    /** value[key]: a dict's key or a place in a sequence first, then a method or attribute. */
    static Value item(Value value, Value key, Rendering rendering) {
        if (value instanceof Undefined(String reason)) {
            throw rendering.error(reason);
        }
        if (value instanceof Dict dict && !(key instanceof Items) && !(key instanceof Dict)) {
            @Nullable Value item = dict.get(Comparisons.hashKey(key, rendering));
            if (item != null) {
                return item;
            }
        }
        if (key instanceof Int || key instanceof Bool) {
            @Nullable Value item = element(value, Numbers.index(key, rendering), rendering);
            if (item != null) {
                return item;
            }
        }
        if (key instanceof Str(String name, var _)) {
            @Nullable Value own = ownAttribute(value, name, rendering);
            return own != null ? own : missingAttribute(value, name);
        }
        return new Undefined(shown(value) + " has no element " + Printing.repr(key, rendering));
    }

    private static String shown(Value value) {
        return value instanceof None ? "None" : value.type() + " object";
    }

    private static Value missingAttribute(Value value, String name) {
        return new Undefined("'" + shown(value) + "' has no attribute '" + name + "'");
    }

    private static @Nullable Value element(Value value, int index, Rendering rendering) {
        if (!(value instanceof Str || value instanceof Items || value instanceof Tuple || value instanceof Range)) {
            return null;
        }
        int size = Iteration.size(value, rendering);
        int place = index < 0 ? index + size : index;
        if (place < 0 || place >= size) {
            return null;
        }
        return switch (value) {
            case Items(var items) -> items.get(place);
            case Tuple(var items, var _) -> items.get(place);
            case Range range -> range.get(place);
            case Str(String text, boolean markup) ->
                new Str(
                        Character.toString(
                                text.codePointAt(size == text.length() ? place : text.offsetByCodePoints(0, place))),
                        markup);
            default -> null;
        };
    }

    private static @Nullable Value ownAttribute(Value value, String name, Rendering rendering) {
        if (name.startsWith("__") && name.endsWith("__") && name.length() > 4) {
            return value instanceof Dict dict && dict.get(name) != null ? null : unsafe(value, name);
        }
        return switch (value) {
            case Str _ -> StringMethods.NAMES.contains(name) ? new Method(value, name) : null;
            case Dict _ -> {
                if (DICT_CHANGES.contains(name)) {
                    yield unsafe(value, name);
                }
                yield CollectionMethods.DICT.contains(name) ? new Method(value, name) : null;
            }
            case Items _ -> {
                if (LIST_CHANGES.contains(name)) {
                    yield unsafe(value, name);
                }
                yield CollectionMethods.LIST.contains(name) ? new Method(value, name) : null;
            }
            case Tuple(var items, boolean group) when group && name.equals("grouper") -> items.getFirst();
            case Tuple(var items, boolean group) when group && name.equals("list") -> items.getLast();
            case Tuple _ -> CollectionMethods.TUPLE.contains(name) ? new Method(value, name) : null;
            case Range range ->
                switch (name) {
                    case "start" -> Int.of(range.start());
                    case "stop" -> Int.of(range.stop());
                    case "step" -> Int.of(range.step());
                    default -> CollectionMethods.TUPLE.contains(name) ? new Method(value, name) : null;
                };
            case Namespace(Dict attributes) -> attributes.get(name);
            case Loop loop -> loopAttribute(loop, name);
            case Macro macro ->
                switch (name) {
                    case "name" -> new Str(macro.definition().name());
                    case "arguments" -> {
                        List<Value> names = new ArrayList<>();
                        macro.definition().signature().parameters().forEach(p -> names.add(new Str(p.name())));
                        yield new Tuple(names);
                    }
                    case "caller" -> Bool.of(macro.definition().signature().usesCaller());
                    case "catch_varargs" ->
                        Bool.of(macro.definition().signature().usesVarargs());
                    case "catch_kwargs" ->
                        Bool.of(macro.definition().signature().usesKwargs());
                    default -> null;
                };
            case Int _, Value.Flt _, Bool _ -> {
                @Nullable BigInteger integer = Numbers.integer(value);
                @Nullable
                Value part = switch (name) {
                    case "real" -> integer == null ? value : new Int(integer);
                    case "imag" -> integer == null ? new Value.Flt(0) : Int.of(0);
                    case "numerator" -> integer == null ? null : new Int(integer);
                    case "denominator" -> integer == null ? null : Int.of(1);
                    default -> null;
                };
                if (part != null) {
                    yield part;
                }
                if (NUMBER_ATTRIBUTES.contains(name)) {
                    throw rendering.error("the attribute '" + name + "' of numbers is not supported");
                }
                yield null;
            }
            case None _, Undefined _, Value.View _, Value.Lazy _, Method _, Value.Function _ -> null;
        };
    }

    /** Undefined, so that printing it gives nothing and only using it fails: the sandbox's way. */
    private static Value unsafe(Value value, String name) {
        return new Undefined("access to attribute '" + name + "' of '" + value.type() + "' object is unsafe");
    }

    private static @Nullable Value loopAttribute(Loop loop, String name) {
        return switch (name) {
            case "index" -> Int.of(loop.index0 + 1);
            case "index0" -> Int.of(loop.index0);
            case "revindex" -> Int.of(loop.length() - loop.index0);
            case "revindex0" -> Int.of(loop.length() - loop.index0 - 1);
            case "first" -> Bool.of(loop.index0 == 0);
            case "last" -> Bool.of(!loop.hasNext());
            case "length" -> Int.of(loop.length());
            case "depth" -> Int.of(loop.depth0 + 1);
            case "depth0" -> Int.of(loop.depth0);
            case "previtem" -> loop.previous == null ? new Undefined("there is no previous item") : loop.previous;
            case "nextitem" -> {
                @Nullable Value next = loop.peek();
                yield next == null ? new Undefined("there is no next item") : next;
            }
            case "cycle", "changed" -> new Method(loop, name);
            default -> null;
        };
    }

    static Value slice(
            Value value, @Nullable Value start, @Nullable Value stop, @Nullable Value step, Rendering rendering) {
        if (value instanceof Undefined(String reason)) {
            throw rendering.error(reason);
        }
        if (!(value instanceof Str || value instanceof Items || value instanceof Tuple || value instanceof Range)) {
            throw rendering.error("'" + value.type() + "' object cannot be sliced");
        }
        int size = Iteration.size(value, rendering);
        int by = step == null || step instanceof None ? 1 : Numbers.index(step, rendering);
        if (by == 0) {
            throw rendering.error("slice step cannot be zero");
        }
        int from = bound(start, by > 0 ? 0 : size - 1, by, size, rendering);
        int to = bound(stop, by > 0 ? size : -1, by, size, rendering);
        if (value instanceof Range range) {
            return new Range(range.start() + from * range.step(), range.start() + to * range.step(), range.step() * by);
        }
        if (value instanceof Str(String text, boolean markup)) {
            return new Str(slice(text, from, to, by, size, rendering), markup);
        }
        List<Value> items = value instanceof Items(var list) ? list : ((Tuple) value).items();
        long count = Math.max(0, ((long) to - from) / by + 1);
        rendering.items(count);
        List<Value> part = new ArrayList<>((int) Math.min(count, items.size()));
        for (long i = from; by > 0 ? i < to : i > to; i += by) {
            part.add(items.get((int) i));
        }
        return value instanceof Items ? new Items(part) : new Tuple(part);
    }

    private static int bound(@Nullable Value bound, int otherwise, int by, int size, Rendering rendering) {
        if (bound == null || bound instanceof None) {
            return otherwise;
        }
        @Nullable BigInteger integer = Numbers.integer(bound);
        if (integer == null) {
            throw rendering.error("slice indices must be integers or None, got " + bound.type());
        }
        long place = Numbers.clamp(integer);
        place = place < 0 ? place + size : place;
        return (int) (by > 0 ? Math.clamp(place, 0L, size) : Math.clamp(place, -1L, size - 1L));
    }

    private static String slice(String text, int from, int to, int by, int size, Rendering rendering) {
        rendering.text(Math.abs((long) to - from));
        rendering.scan(text.length());
        if (by == 1) {
            if (from >= to) {
                return "";
            }
            int begin = size == text.length() ? from : text.offsetByCodePoints(0, from);
            return text.substring(begin, size == text.length() ? to : text.offsetByCodePoints(begin, to - from));
        }
        rendering.bytes(8L * text.length());
        int[] codePoints = text.codePoints().toArray();
        StringBuilder part = new StringBuilder();
        for (long i = from; by > 0 ? i < to : i > to; i += by) {
            part.appendCodePoint(codePoints[(int) i]);
        }
        return part.toString();
    }
}
