package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Expr.ArgumentList;
import io.github.dpo4j.text.jinja.Expr.FilterCall;
import io.github.dpo4j.text.jinja.Value.Bool;
import io.github.dpo4j.text.jinja.Value.Dict;
import io.github.dpo4j.text.jinja.Value.Items;
import io.github.dpo4j.text.jinja.Value.Str;
import io.github.dpo4j.text.jinja.Value.Tuple;
import io.github.dpo4j.text.jinja.Value.Undefined;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Expressions to values. */
final class Evaluator {
    /** Renders a macro's body; the interpreter of statements does it. */
    interface MacroCall {
        Value call(Value.Macro macro, Arguments arguments);
    }

    private final Rendering rendering;
    private final MacroCall macros;

    Evaluator(Rendering rendering, MacroCall macros) {
        this.rendering = rendering;
        this.macros = macros;
    }

    Value evaluate(Expr expr, Scope scope) {
        rendering.enter();
        Value value = value(expr, scope);
        rendering.exit();
        return value;
    }

    boolean truth(Expr expr, Scope scope) {
        return Iteration.truth(evaluate(expr, scope));
    }

    private Value value(Expr expr, Scope scope) {
        return switch (expr) {
            case Expr.Literal(Value value) -> value;
            case Expr.Name(String name) -> {
                rendering.scan(8L * scope.depth());
                Value value = scope.get(name);
                rendering.bytes(value instanceof Undefined ? 120 : 0);
                yield value;
            }
            case Expr.ListOf(var items) -> new Items(all(items, scope));
            case Expr.TupleOf(var items) -> new Tuple(all(items, scope));
            case Expr.DictOf(var pairs, int line) -> {
                rendering.bytes(150);
                Dict dict = new Dict();
                for (Expr.Pair pair : pairs) {
                    Value key = evaluate(pair.key(), scope);
                    Value value = evaluate(pair.value(), scope);
                    rendering.at(line);
                    rendering.items(16);
                    dict.put(Comparisons.hashKey(key, rendering), key, value);
                }
                yield dict;
            }
            case Expr.Attribute(Expr target, String name, int line) -> {
                Value value = evaluate(target, scope);
                rendering.at(line);
                yield Subscripts.attribute(value, name, rendering);
            }
            case Expr.Item(Expr target, Expr key, int line) -> {
                Value value = evaluate(target, scope);
                Value at = evaluate(key, scope);
                rendering.at(line);
                yield Subscripts.item(value, at, rendering);
            }
            case Expr.Slice(Expr target, var start, var stop, var step, int line) -> {
                Value value = evaluate(target, scope);
                @Nullable Value from = optional(start, scope);
                @Nullable Value to = optional(stop, scope);
                @Nullable Value by = optional(step, scope);
                rendering.at(line);
                yield Subscripts.slice(value, from, to, by, rendering);
            }
            case Expr.Call call ->
                call(evaluate(call.callee(), scope), arguments(call.arguments(), scope), call.line());
            case Expr.Filtered(Expr target, FilterCall filter) -> filter(evaluate(target, scope), filter, scope);
            case Expr.Test(Expr target, String name, ArgumentList list, int line) -> {
                Value value = evaluate(target, scope);
                Arguments arguments = arguments(list, scope);
                rendering.at(line);
                yield Bool.of(Checks.holds(name, value, arguments, rendering));
            }
            case Expr.Not(Expr operand) -> Bool.of(!truth(operand, scope));
            case Expr.Signed(boolean negative, Expr operand, int line) -> {
                Value value = evaluate(operand, scope);
                rendering.at(line);
                yield Arithmetic.signed(negative, value, rendering);
            }
            case Expr.And(Expr left, Expr right) -> {
                Value first = evaluate(left, scope);
                yield Iteration.truth(first) ? evaluate(right, scope) : first;
            }
            case Expr.Or(Expr left, Expr right) -> {
                Value first = evaluate(left, scope);
                yield Iteration.truth(first) ? first : evaluate(right, scope);
            }
            case Expr.Arithmetic(var operator, Expr left, Expr right, int line) -> {
                Value a = evaluate(left, scope);
                Value b = evaluate(right, scope);
                rendering.at(line);
                yield Arithmetic.apply(operator, a, b, rendering);
            }
            case Expr.Concat(var parts) -> concat(parts, scope);
            case Expr.Compare(Expr first, var rest, int line) -> {
                Value left = evaluate(first, scope);
                boolean holds = true;
                for (Expr.Comparison comparison : rest) {
                    Value right = evaluate(comparison.operand(), scope);
                    rendering.at(line);
                    holds = holds(comparison.relation(), left, right);
                    if (!holds) {
                        break;
                    }
                    left = right;
                }
                yield Bool.of(holds);
            }
            case Expr.Conditional(Expr test, Expr then, var otherwise) -> {
                if (truth(test, scope)) {
                    yield evaluate(then, scope);
                }
                yield otherwise != null
                        ? evaluate(otherwise, scope)
                        : new Undefined("the inline if-expression evaluated to false and no else section was defined");
            }
        };
    }

    private List<Value> all(List<Expr> items, Scope scope) {
        rendering.items(items.size());
        List<Value> values = new ArrayList<>(items.size());
        for (Expr item : items) {
            values.add(evaluate(item, scope));
        }
        return values;
    }

    private @Nullable Value optional(@Nullable Expr expr, Scope scope) {
        return expr == null ? null : evaluate(expr, scope);
    }

    private Value concat(List<Expr> parts, Scope scope) {
        StringBuilder joined = new StringBuilder();
        for (Expr part : parts) {
            String text = Printing.text(evaluate(part, scope), rendering);
            rendering.text((long) joined.length() + text.length());
            joined.append(text);
        }
        return new Str(joined.toString());
    }

    private boolean holds(Expr.Relation relation, Value left, Value right) {
        return switch (relation) {
            case EQUAL -> Comparisons.equal(left, right, rendering);
            case NOT_EQUAL -> !Comparisons.equal(left, right, rendering);
            case LESS -> Comparisons.less(left, right, false, rendering);
            case LESS_OR_EQUAL -> Comparisons.less(left, right, true, rendering);
            case GREATER -> Comparisons.less(right, left, false, rendering);
            case GREATER_OR_EQUAL -> Comparisons.less(right, left, true, rendering);
            case IN -> Comparisons.contains(right, left, rendering);
            case NOT_IN -> !Comparisons.contains(right, left, rendering);
        };
    }

    Value filter(Value value, FilterCall filter, Scope scope) {
        Arguments arguments = arguments(filter.arguments(), scope);
        rendering.at(filter.line());
        return Filters.apply(filter.name(), value, arguments, rendering);
    }

    Arguments arguments(ArgumentList list, Scope scope) {
        rendering.bytes(150);
        List<Value> positional = all(list.positional(), scope);
        Map<String, Value> named = new LinkedHashMap<>();
        for (Expr.Named argument : list.named()) {
            named.put(argument.name(), evaluate(argument.value(), scope));
        }
        if (list.star() != null) {
            positional.addAll(Iteration.list(evaluate(list.star(), scope), rendering));
        }
        if (list.doubleStar() != null) {
            if (!(evaluate(list.doubleStar(), scope) instanceof Dict dict)) {
                throw rendering.error("argument after ** must be a mapping");
            }
            for (Map.Entry<Value, Value> entry : dict.entries()) {
                if (!(entry.getKey() instanceof Str(String name, var _)) || named.put(name, entry.getValue()) != null) {
                    throw rendering.error("keywords must be texts, each given once");
                }
            }
        }
        return new Arguments(positional, named);
    }

    Value call(Value callee, Arguments arguments, int line) {
        rendering.at(line);
        return switch (callee) {
            case Value.Macro macro -> macros.call(macro, arguments);
            case Value.Function function -> Functions.call(function, arguments, rendering);
            case Value.Method(Str text, String name) -> StringMethods.call(text, name, arguments, rendering);
            case Value.Method(Dict dict, String name) -> CollectionMethods.ofDict(dict, name, arguments, rendering);
            case Value.Method(Value.Loop loop, String name) ->
                CollectionMethods.ofLoop(loop, name, arguments, rendering);
            case Value.Method(Value sequence, String name) ->
                CollectionMethods.ofSequence(sequence, name, arguments, rendering);
            case Undefined(String reason) -> throw rendering.error(reason);
            case Value.Loop loop -> {
                if (loop.recursion == null) {
                    throw rendering.error("the loop must be marked recursive to be called");
                }
                yield loop.recursion.render(
                        arguments.bind("loop", rendering, "iterable").get("iterable"));
            }
            default -> throw rendering.error("'" + callee.type() + "' object is not callable");
        };
    }
}
