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
import java.util.Set;

/** Jinja's tests: what may follow "is". */
final class Checks {
    private static final Set<String> NAMES = Set.of(
            "!=",
            "<",
            "<=",
            "==",
            ">",
            ">=",
            "boolean",
            "callable",
            "defined",
            "divisibleby",
            "eq",
            "equalto",
            "escaped",
            "even",
            "false",
            "filter",
            "float",
            "ge",
            "greaterthan",
            "gt",
            "in",
            "integer",
            "iterable",
            "le",
            "lessthan",
            "lower",
            "lt",
            "mapping",
            "ne",
            "none",
            "number",
            "odd",
            "sameas",
            "sequence",
            "string",
            "test",
            "true",
            "undefined",
            "upper");

    private Checks() {}

    static boolean holds(String name, Value value, Arguments arguments, Rendering rendering) {
        rendering.step();
        return switch (name) {
            case "==", "eq", "equalto" -> Comparisons.equal(value, other(name, arguments, rendering), rendering);
            case "!=", "ne" -> !Comparisons.equal(value, other(name, arguments, rendering), rendering);
            case "<", "lt", "lessthan" -> Comparisons.less(value, other(name, arguments, rendering), false, rendering);
            case "<=", "le" -> Comparisons.less(value, other(name, arguments, rendering), true, rendering);
            case ">", "gt", "greaterthan" ->
                Comparisons.less(other(name, arguments, rendering), value, false, rendering);
            case ">=", "ge" -> Comparisons.less(other(name, arguments, rendering), value, true, rendering);
            case "in" -> Comparisons.contains(other(name, arguments, rendering), value, rendering);
            case "divisibleby" ->
                Comparisons.equal(
                        Arithmetic.apply(Expr.Operator.MODULO, value, other(name, arguments, rendering), rendering),
                        Int.of(0),
                        rendering);
            case "sameas" -> same(value, other(name, arguments, rendering));
            default -> {
                arguments.bind("the test '" + name + "'", rendering);
                yield holds(name, value, rendering);
            }
        };
    }

    private static Value other(String name, Arguments arguments, Rendering rendering) {
        return arguments.bind("the test '" + name + "'", rendering, "other").get("other");
    }

    /** Python's "is": small values have one object each, texts and numbers are compared as if they had. */
    @SuppressWarnings("ReferenceEquality")
    private static boolean same(Value a, Value b) {
        return a == b
                || (a instanceof Str(String x, var _) && b instanceof Str(String y, var _) && x.equals(y))
                || (a instanceof Int(var x) && b instanceof Int(var y) && x.equals(y));
    }

    private static boolean holds(String name, Value value, Rendering rendering) {
        return switch (name) {
            case "defined" -> !(value instanceof Undefined);
            case "undefined" -> value instanceof Undefined;
            case "none" -> value instanceof None;
            case "boolean" -> value instanceof Bool;
            case "true" -> value == Bool.TRUE;
            case "false" -> value == Bool.FALSE;
            case "string" -> value instanceof Str;
            case "number" -> Numbers.isNumber(value);
            case "integer" -> value instanceof Int;
            case "float" -> value instanceof Flt;
            case "mapping" -> value instanceof Dict;
            case "iterable" -> Iteration.isIterable(value);
            case "sequence" ->
                value instanceof Str
                        || value instanceof Items
                        || value instanceof Tuple
                        || value instanceof Dict
                        || value instanceof Range
                        || value instanceof Undefined;
            case "callable" ->
                switch (value) {
                    case Value.Macro _, Value.Method _, Value.Function _, Value.Loop _, Undefined _ -> true;
                    default -> false;
                };
            case "odd", "even" -> {
                Value remainder = Arithmetic.apply(Expr.Operator.MODULO, value, Int.of(2), rendering);
                yield Comparisons.equal(remainder, Int.of(name.equals("odd") ? 1 : 0), rendering);
            }
            case "lower" -> Case.isLower(Printing.text(value, rendering));
            case "upper" -> Case.isUpper(Printing.text(value, rendering));
            case "escaped" -> value instanceof Str(var _, boolean markup) && markup;
            case "filter" ->
                value instanceof Str(String filter, var _)
                        && (Filters.NAMES.contains(filter)
                                || SequenceFilters.NAMES.contains(filter)
                                || TextFilters.NAMES.contains(filter));
            case "test" -> value instanceof Str(String test, var _) && NAMES.contains(test);
            default -> throw rendering.error("there is no test '" + name + "'");
        };
    }
}
