package io.github.dpo4j.text.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** An expression. Those that can fail of their own know their line. */
sealed interface Expr {
    record Literal(Value value) implements Expr {}

    record Name(String name) implements Expr {}

    record ListOf(List<Expr> items) implements Expr {}

    record TupleOf(List<Expr> items) implements Expr {}

    record DictOf(List<Pair> pairs, int line) implements Expr {}

    record Pair(Expr key, Expr value) {}

    /** target.name */
    record Attribute(Expr target, String name, int line) implements Expr {}

    /** target[key] */
    record Item(Expr target, Expr key, int line) implements Expr {}

    /** target[start:stop:step] */
    record Slice(
            Expr target,
            @Nullable Expr start,
            @Nullable Expr stop,
            @Nullable Expr step,
            int line) implements Expr {}

    record Call(Expr callee, ArgumentList arguments, int line) implements Expr {}

    /** target | name(arguments) */
    record Filtered(Expr target, FilterCall filter) implements Expr {}

    record FilterCall(String name, ArgumentList arguments, int line) {}

    /** target is name(arguments) */
    record Test(Expr target, String name, ArgumentList arguments, int line) implements Expr {}

    record Not(Expr operand) implements Expr {}

    record Signed(boolean negative, Expr operand, int line) implements Expr {}

    record And(Expr left, Expr right) implements Expr {}

    record Or(Expr left, Expr right) implements Expr {}

    record Arithmetic(Operator operator, Expr left, Expr right, int line) implements Expr {}

    enum Operator {
        ADD("+"),
        SUBTRACT("-"),
        MULTIPLY("*"),
        DIVIDE("/"),
        FLOOR_DIVIDE("//"),
        MODULO("%"),
        POWER("**");

        final String sign;

        Operator(String sign) {
            this.sign = sign;
        }
    }

    /** left ~ right ~ ... */
    record Concat(List<Expr> parts) implements Expr {}

    /** first op operand op operand ..., each operand evaluated once and only while the chain holds. */
    record Compare(Expr first, List<Comparison> rest, int line) implements Expr {}

    record Comparison(Relation relation, Expr operand) {}

    enum Relation {
        EQUAL,
        NOT_EQUAL,
        LESS,
        LESS_OR_EQUAL,
        GREATER,
        GREATER_OR_EQUAL,
        IN,
        NOT_IN
    }

    /** then if test else otherwise; undefined where the test fails and there is no otherwise. */
    record Conditional(Expr test, Expr then, @Nullable Expr otherwise) implements Expr {}

    /** (positional, name=value, *star, **doubleStar) */
    record ArgumentList(
            List<Expr> positional,
            List<Named> named,
            @Nullable Expr star,
            @Nullable Expr doubleStar) {
        static final ArgumentList NONE = new ArgumentList(List.of(), List.of(), null, null);
    }

    record Named(String name, Expr value) {}
}
