package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Expr.FilterCall;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A piece of a template's body. */
sealed interface Stmt {
    record Text(String text) implements Stmt {}

    record Output(Expr value, int line) implements Stmt {}

    record If(List<Branch> branches, List<Stmt> otherwise) implements Stmt {}

    record Branch(Expr test, List<Stmt> body, int line) {}

    /** for target in items if filter; otherwise is the body for no items. The body of a recursive one may call loop. */
    record For(
            Target target,
            Expr items,
            @Nullable Expr filter,
            boolean recursive,
            List<Stmt> body,
            List<Stmt> otherwise,
            int line)
            implements Stmt {}

    record Set(Target target, Expr value, int line) implements Stmt {}

    /** set target | filters: the rendered body becomes the value. */
    record SetBlock(Target target, List<FilterCall> filters, List<Stmt> body, int line) implements Stmt {}

    record Macro(String name, Signature signature, List<Stmt> body, int line) implements Stmt {}

    /** call(signature) callee(...): the body becomes the callee's caller(). */
    record CallBlock(Signature signature, Expr.Call call, List<Stmt> body, int line) implements Stmt {}

    record FilterBlock(List<FilterCall> filters, List<Stmt> body, int line) implements Stmt {}

    record With(List<Binding> bindings, List<Stmt> body, int line) implements Stmt {}

    record Binding(Target target, Expr value) {}

    /** The part that the assistant wrote; it renders as it stands, in a scope of its own. */
    record Generation(List<Stmt> body) implements Stmt {}

    record Break() implements Stmt {}

    record Continue() implements Stmt {}

    /** What is assigned to. */
    sealed interface Target {
        record Name(String name) implements Target {}

        record Tuple(List<Target> targets) implements Target {}

        record NamespaceAttribute(String namespace, String attribute) implements Target {}
    }

    /** A macro's parameters, and which of the names caller, varargs and kwargs its body reads. */
    record Signature(List<Parameter> parameters, boolean usesCaller, boolean usesVarargs, boolean usesKwargs) {}

    record Parameter(String name, @Nullable Expr defaultValue) {}
}
