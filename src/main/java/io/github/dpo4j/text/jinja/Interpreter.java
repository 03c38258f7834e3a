package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Expr.FilterCall;
import io.github.dpo4j.text.jinja.Stmt.Target;
import io.github.dpo4j.text.jinja.Value.Dict;
import io.github.dpo4j.text.jinja.Value.Lazy;
import io.github.dpo4j.text.jinja.Value.Loop;
import io.github.dpo4j.text.jinja.Value.Macro;
import io.github.dpo4j.text.jinja.Value.Namespace;
import io.github.dpo4j.text.jinja.Value.Str;
import io.github.dpo4j.text.jinja.Value.Tuple;
import io.github.dpo4j.text.jinja.Value.Undefined;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Statements to output. */
final class Interpreter {
    /** How a body ended: at its end, or at a break or continue that the innermost loop takes. */
    private enum Flow {
        ON,
        BREAK,
        CONTINUE
    }

    private final Rendering rendering;
    private final Evaluator evaluator;

    Interpreter(Rendering rendering) {
        this.rendering = rendering;
        this.evaluator = new Evaluator(rendering, this::callMacro);
    }

    String render(List<Stmt> body, Scope scope) {
        StringBuilder out = new StringBuilder();
        run(body, scope, out);
        return out.toString();
    }

    private Flow run(List<Stmt> body, Scope scope, StringBuilder out) {
        rendering.enter();
        Flow flow = Flow.ON;
        for (Stmt stmt : body) {
            rendering.step();
            flow = run(stmt, scope, out);
            if (flow != Flow.ON) {
                break;
            }
        }
        rendering.exit();
        return flow;
    }

    private void print(String text, StringBuilder out) {
        rendering.text(text.length());
        if (out.length() + text.length() > Rendering.MAX_TEXT) {
            throw rendering.error("an output of over " + Rendering.MAX_TEXT + " characters");
        }
        out.append(text);
    }

    private Flow run(Stmt stmt, Scope scope, StringBuilder out) {
        switch (stmt) {
            case Stmt.Text(String text) -> print(text, out);
            case Stmt.Output(Expr value, int line) -> {
                rendering.at(line);
                print(Printing.text(evaluator.evaluate(value, scope), rendering), out);
            }
            case Stmt.If(var branches, var otherwise) -> {
                for (Stmt.Branch branch : branches) {
                    rendering.at(branch.line());
                    if (evaluator.truth(branch.test(), scope)) {
                        return run(branch.body(), scope, out);
                    }
                }
                return run(otherwise, scope, out);
            }
            case Stmt.For loop -> {
                return forLoop(loop, scope, out);
            }
            case Stmt.Set(Target target, Expr value, int line) -> {
                rendering.at(line);
                assign(target, evaluator.evaluate(value, scope), scope, line);
            }
            case Stmt.SetBlock(Target target, var filters, var body, int line) ->
                assign(target, filtered(capture(body, scope), filters, scope), scope, line);
            case Stmt.Macro macro -> {
                rendering.items(8);
                scope.set(macro.name(), new Macro(macro, scope));
            }
            case Stmt.CallBlock(var signature, Expr.Call call, var body, int line) -> {
                Value callee = evaluator.evaluate(call.callee(), scope);
                Macro caller = new Macro(new Stmt.Macro("caller", signature, body, line), scope);
                Arguments arguments =
                        evaluator.arguments(call.arguments(), scope).with("caller", caller);
                print(text(evaluator.call(callee, arguments, call.line())), out);
            }
            case Stmt.FilterBlock(var filters, var body, var _) ->
                print(text(filtered(capture(body, scope), filters, scope)), out);
            case Stmt.With(var bindings, var body, int line) -> {
                Scope inner = inner(scope);
                for (Stmt.Binding binding : bindings) {
                    rendering.at(line);
                    assign(binding.target(), evaluator.evaluate(binding.value(), scope), inner, line);
                }
                return run(body, inner, out);
            }
            case Stmt.Generation(var body) -> run(body, inner(scope), out);
            case Stmt.Break() -> {
                return Flow.BREAK;
            }
            case Stmt.Continue() -> {
                return Flow.CONTINUE;
            }
        }
        return Flow.ON;
    }

    /** What a call or filter block prints must be text; unlike {{ }}, jinja2 turns nothing else into it. */
    private String text(Value value) {
        if (value instanceof Str(String text, var _)) {
            return text;
        }
        throw rendering.error("a call or filter block must give text, got " + value.type());
    }

    private Scope inner(Scope scope) {
        rendering.bytes(Scope.BYTES);
        return new Scope(scope);
    }

    private Str capture(List<Stmt> body, Scope scope) {
        StringBuilder captured = new StringBuilder();
        run(body, inner(scope), captured);
        return new Str(captured.toString());
    }

    private Value filtered(Value value, List<FilterCall> filters, Scope scope) {
        Value result = value;
        for (FilterCall filter : filters) {
            result = evaluator.filter(result, filter, scope);
        }
        return result;
    }

    private void assign(Target target, Value value, Scope scope, int line) {
        rendering.at(line);
        switch (target) {
            case Target.Name(String name) -> {
                rendering.items(8);
                scope.set(name, value);
            }
            case Target.NamespaceAttribute(String name, String attribute) -> {
                if (!(scope.get(name) instanceof Namespace(Dict attributes))) {
                    throw rendering.error("cannot assign attribute on non-namespace object");
                }
                rendering.items(8);
                attributes.put(attribute, value);
            }
            case Target.Tuple(var targets) -> {
                List<Value> values = Iteration.list(value, rendering);
                if (values.size() != targets.size()) {
                    throw rendering.error(
                            "cannot unpack " + values.size() + " values into " + targets.size() + " names");
                }
                for (int i = 0; i < targets.size(); i++) {
                    assign(targets.get(i), values.get(i), scope, line);
                }
            }
        }
    }

    private Flow forLoop(Stmt.For loop, Scope scope, StringBuilder out) {
        rendering.at(loop.line());
        return forLoop(loop, evaluator.evaluate(loop.items(), scope), 0, scope, out);
    }

    private Flow forLoop(Stmt.For loop, Value items, int depth0, Scope scope, StringBuilder out) {
        rendering.at(loop.line());
        Iterator<Value> iterator = Iteration.iterate(items, rendering);
        @Nullable Expr filter = loop.filter();
        if (filter != null) {
            iterator = SequenceFilters.matching(
                    iterator,
                    item -> {
                        Scope inner = inner(scope);
                        assign(loop.target(), item, inner, loop.line());
                        return evaluator.truth(filter, inner);
                    },
                    rendering);
        }
        rendering.bytes(150);
        boolean sized = filter == null && !(items instanceof Lazy);
        Loop.@Nullable Recursion recursion = !loop.recursive()
                ? null
                : inner -> {
                    StringBuilder rendered = new StringBuilder();
                    forLoop(loop, inner, depth0 + 1, scope, rendered);
                    return new Str(rendered.toString());
                };
        Loop state = new Loop(iterator, sized ? Iteration.size(items, rendering) : -1, depth0, recursion);
        // jinja2 runs the else where no pass came to its end, so also after a break in the first
        boolean completed = false;
        Flow flow = Flow.ON;
        while (flow != Flow.BREAK && state.hasNext()) {
            rendering.step();
            Scope inner = inner(scope);
            assign(loop.target(), state.next(), inner, loop.line());
            inner.set("loop", state);
            flow = run(loop.body(), inner, out);
            completed |= flow == Flow.ON;
        }
        return completed ? Flow.ON : run(loop.otherwise(), inner(scope), out);
    }

    private Value callMacro(Macro macro, Arguments arguments) {
        Stmt.Signature signature = macro.definition().signature();
        rendering.bytes(300);
        Scope scope = inner(macro.scope());
        Map<String, Value> named = new LinkedHashMap<>(arguments.named());
        List<Value> positional = arguments.positional();
        List<Stmt.Parameter> parameters = signature.parameters();
        String callee = "macro '" + macro.definition().name() + "'";
        List<Stmt.Parameter> defaulted = new ArrayList<>();
        for (int i = 0; i < parameters.size(); i++) {
            Stmt.Parameter parameter = parameters.get(i);
            @Nullable Value value = i < positional.size() ? positional.get(i) : named.remove(parameter.name());
            if (value == null) {
                defaulted.add(parameter);
                value = new Undefined("parameter '" + parameter.name() + "' was not provided");
            }
            scope.set(parameter.name(), value);
        }
        boolean ownCaller =
                parameters.stream().anyMatch(parameter -> parameter.name().equals("caller"));
        if (signature.usesCaller() && !ownCaller) {
            @Nullable Value caller = named.remove("caller");
            scope.set("caller", caller == null ? new Undefined("No caller defined") : caller);
        }
        if (signature.usesKwargs()) {
            scope.set("kwargs", Functions.dict(new Arguments(List.of(), named), rendering));
        } else if (!named.isEmpty()) {
            throw rendering.error(callee + " takes no keyword argument '"
                    + named.keySet().iterator().next() + "'");
        }
        int count = Math.min(parameters.size(), positional.size());
        if (signature.usesVarargs()) {
            scope.set("varargs", new Tuple(positional.subList(count, positional.size())));
        } else if (positional.size() > count) {
            throw rendering.error(callee + " takes not more than " + parameters.size() + " argument(s)");
        }
        for (Stmt.Parameter parameter : defaulted) {
            if (parameter.defaultValue() != null) {
                scope.set(parameter.name(), evaluator.evaluate(parameter.defaultValue(), scope));
            }
        }
        StringBuilder out = new StringBuilder();
        run(macro.definition().body(), scope, out);
        return new Str(out.toString());
    }
}
