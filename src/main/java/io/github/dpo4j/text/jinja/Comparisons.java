package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Value.Bool;
import io.github.dpo4j.text.jinja.Value.Dict;
import io.github.dpo4j.text.jinja.Value.Flt;
import io.github.dpo4j.text.jinja.Value.Int;
import io.github.dpo4j.text.jinja.Value.Items;
import io.github.dpo4j.text.jinja.Value.None;
import io.github.dpo4j.text.jinja.Value.Range;
import io.github.dpo4j.text.jinja.Value.Str;
import io.github.dpo4j.text.jinja.Value.Tuple;
import io.github.dpo4j.text.jinja.Value.Undefined;
import io.github.dpo4j.text.jinja.Value.View;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** ==, <, in and the keys of dicts, by Python's rules. */
final class Comparisons {
    private Comparisons() {}

    /** How Python compares what containers hold: one object equals itself, even not-a-number. */
    @SuppressWarnings("ReferenceEquality")
    static boolean sameOrEqual(Value a, Value b, Rendering rendering) {
        return a == b || equal(a, b, rendering);
    }

    @SuppressWarnings("ReferenceEquality")
    static boolean equal(Value a, Value b, Rendering rendering) {
        if (a == b) {
            return !(a instanceof Flt(double number) && Double.isNaN(number));
        }
        if (a instanceof Str(String x, var _) && b instanceof Str(String y, var _)) {
            rendering.scan(x.length() == y.length() ? x.length() : 0);
            return x.equals(y);
        }
        if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
            return compareNumbers(a, b) == Order.SAME;
        }
        if (a instanceof Items(var x) && b instanceof Items(var y)) {
            return equalLists(x, y, rendering);
        }
        if (a instanceof Tuple(var x, var _) && b instanceof Tuple(var y, var _)) {
            return equalLists(x, y, rendering);
        }
        if (a instanceof Range x && b instanceof Range y) {
            return equalLists(Iteration.list(a, rendering), Iteration.list(b, rendering), rendering)
                    && x.size() == y.size();
        }
        if (a instanceof Dict x && b instanceof Dict y) {
            return equalDicts(x, y, rendering);
        }
        return a instanceof Undefined && b instanceof Undefined;
    }

    private static boolean equalLists(List<Value> a, List<Value> b, Rendering rendering) {
        if (a.size() != b.size()) {
            return false;
        }
        rendering.enter();
        boolean equal = true;
        for (int i = 0; i < a.size() && equal; i++) {
            rendering.scan(8);
            equal = sameOrEqual(a.get(i), b.get(i), rendering);
        }
        rendering.exit();
        return equal;
    }

    private static boolean equalDicts(Dict a, Dict b, Rendering rendering) {
        if (a.size() != b.size()) {
            return false;
        }
        rendering.enter();
        boolean equal = true;
        for (Map.Entry<Value, Value> entry : a.entries()) {
            rendering.scan(8);
            @Nullable Value other = b.get(hashKey(entry.getKey(), rendering));
            equal = other != null && sameOrEqual(entry.getValue(), other, rendering);
            if (!equal) {
                break;
            }
        }
        rendering.exit();
        return equal;
    }

    private enum Order {
        BEFORE,
        SAME,
        AFTER,
        /** A comparison with not-a-number, which is never true. */
        NEITHER;

        static Order of(int comparison) {
            return comparison < 0 ? BEFORE : comparison > 0 ? AFTER : SAME;
        }
    }

    private static Order compareNumbers(Value a, Value b) {
        @Nullable BigInteger x = Numbers.integer(a);
        @Nullable BigInteger y = Numbers.integer(b);
        if (x != null && y != null) {
            return Order.of(x.compareTo(y));
        }
        double u = a instanceof Flt(double number) ? number : 0;
        double v = b instanceof Flt(double number) ? number : 0;
        if (Double.isNaN(u) || Double.isNaN(v)) {
            return Order.NEITHER;
        }
        if (Double.isInfinite(u) || Double.isInfinite(v) || (x == null && y == null)) {
            return u < v ? Order.BEFORE : u > v ? Order.AFTER : Order.SAME;
        }
        return Order.of((x != null ? new BigDecimal(x) : new BigDecimal(u))
                .compareTo(y != null ? new BigDecimal(y) : new BigDecimal(v)));
    }

    /** a < b, or a <= b where orEqual; an error for values without an order. */
    static boolean less(Value a, Value b, boolean orEqual, Rendering rendering) {
        Order order = order(a, b, rendering);
        return order == Order.BEFORE || (orEqual && order == Order.SAME);
    }

    private static Order order(Value a, Value b, Rendering rendering) {
        if (a instanceof Str(String x, var _) && b instanceof Str(String y, var _)) {
            rendering.scan(Math.min(x.length(), y.length()));
            return Order.of(CodePoints.compare(x, y));
        }
        if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
            return compareNumbers(a, b);
        }
        if (a instanceof Items(var x) && b instanceof Items(var y)) {
            return orderLists(x, y, rendering);
        }
        if (a instanceof Tuple(var x, var _) && b instanceof Tuple(var y, var _)) {
            return orderLists(x, y, rendering);
        }
        throw rendering.error(
                a instanceof Undefined(String reason)
                        ? reason
                        : b instanceof Undefined(String reason)
                                ? reason
                                : "'" + a.type() + "' and '" + b.type() + "' have no order");
    }

    private static Order orderLists(List<Value> a, List<Value> b, Rendering rendering) {
        rendering.enter();
        Order order = Order.of(Integer.compare(a.size(), b.size()));
        for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
            rendering.scan(8);
            if (!sameOrEqual(a.get(i), b.get(i), rendering)) {
                order = order(a.get(i), b.get(i), rendering);
                break;
            }
        }
        rendering.exit();
        return order;
    }

    /** needle in haystack. */
    static boolean contains(Value haystack, Value needle, Rendering rendering) {
        return switch (haystack) {
            case Str(String text, var _) -> {
                if (!(needle instanceof Str(String part, var _))) {
                    throw rendering.error("'in <string>' requires string as left operand, not " + needle.type());
                }
                rendering.scan(4L * text.length() + 4L * part.length());
                yield CodePoints.find(text, part, 0) >= 0;
            }
            case Dict dict -> dict.get(hashKey(needle, rendering)) != null;
            case View(var kind, Dict dict) when kind == View.Kind.KEYS -> dict.get(hashKey(needle, rendering)) != null;
            default -> {
                if (!Iteration.isIterable(haystack)) {
                    throw rendering.error("argument of type '" + haystack.type() + "' is not iterable");
                }
                boolean found = false;
                Iterator<Value> items = Iteration.iterate(haystack, rendering);
                while (!found && items.hasNext()) {
                    rendering.scan(32);
                    found = sameOrEqual(items.next(), needle, rendering);
                }
                yield found;
            }
        };
    }

    /** What stands for this value as a dict's key: equal for equal values, whatever their types. */
    static Object hashKey(Value value, Rendering rendering) {
        return switch (value) {
            case Str(String text, var _) -> text;
            case Int(var number) -> number;
            case Bool bool -> bool == Bool.TRUE ? BigInteger.ONE : BigInteger.ZERO;
            case Flt(double number) ->
                number == Math.rint(number) && !Double.isInfinite(number)
                        ? new BigDecimal(number).toBigInteger()
                        : (Object) number;
            case None none -> none;
            case Tuple(var items, var _) -> {
                rendering.enter();
                rendering.items(items.size());
                List<Object> keys = new ArrayList<>();
                items.forEach(item -> keys.add(hashKey(item, rendering)));
                rendering.exit();
                yield keys;
            }
            case Items _, Dict _ -> throw rendering.error("unhashable type: '" + value.type() + "'");
            case Undefined _ -> Undefined.class;
            case Range _,
                    View _,
                    Value.Lazy _,
                    Value.Namespace _,
                    Value.Loop _,
                    Value.Macro _,
                    Value.Method _,
                    Value.Function _ -> new Identity(value);
        };
    }

    private record Identity(Value value) {
        @Override
        @SuppressWarnings("ReferenceEquality")
        public boolean equals(@Nullable Object other) {
            return other instanceof Identity(Value that) && that == value;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(value);
        }
    }
}
