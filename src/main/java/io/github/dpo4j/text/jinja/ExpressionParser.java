package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Expr.ArgumentList;
import io.github.dpo4j.text.jinja.Expr.FilterCall;
import io.github.dpo4j.text.jinja.Expr.Operator;
import io.github.dpo4j.text.jinja.Expr.Relation;
import io.github.dpo4j.text.jinja.Token.Kind;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Jinja's expressions, loosest first: if-else, or, and, not, comparisons, + and -, ~, * / // %, **, then signs, subscripts, filters
 * and tests. Two differences to Python are Jinja's own: ** binds to the left, and a sign binds tighter than **.
 */
final class ExpressionParser {
    private final TokenStream tokens;
    /** The names read so far; a macro takes extra arguments only if its body reads varargs or kwargs. */
    private Set<String> namesRead = new HashSet<>();

    ExpressionParser(TokenStream tokens) {
        this.tokens = tokens;
    }

    /** Starts to collect the names read anew and gives what was collected so far. */
    Set<String> swapNamesRead(Set<String> names) {
        Set<String> before = namesRead;
        namesRead = names;
        return before;
    }

    Expr expression() {
        tokens.enter();
        Expr value = or();
        while (tokens.skipName("if")) {
            Expr test = or();
            value = new Expr.Conditional(test, value, tokens.skipName("else") ? expression() : null);
        }
        tokens.exit();
        return value;
    }

    /** An expression, or several with commas between: a tuple. */
    Expr tuple(boolean withConditional, boolean inParentheses) {
        List<Expr> items = new ArrayList<>();
        boolean tuple = false;
        while (!atTupleEnd()) {
            items.add(withConditional ? expression() : or());
            if (!tokens.skipOperator(",")) {
                break;
            }
            tuple = true;
        }
        if (!tuple && items.size() == 1) {
            return items.getFirst();
        }
        if (items.isEmpty() && !inParentheses) {
            throw tokens.error("expected an expression, got " + tokens.current().shown());
        }
        return new Expr.TupleOf(List.copyOf(items));
    }

    private boolean atTupleEnd() {
        Token current = tokens.current();
        return current.kind() == Kind.OUTPUT_END || current.kind() == Kind.BLOCK_END || current.isOperator(")");
    }

    private Expr or() {
        Expr left = and();
        while (tokens.skipName("or")) {
            left = new Expr.Or(left, and());
        }
        return left;
    }

    private Expr and() {
        Expr left = not();
        while (tokens.skipName("and")) {
            left = new Expr.And(left, not());
        }
        return left;
    }

    private Expr not() {
        if (tokens.skipName("not")) {
            tokens.enter();
            Expr operand = not();
            tokens.exit();
            return new Expr.Not(operand);
        }
        return comparison();
    }

    private Expr comparison() {
        int line = tokens.current().line();
        Expr first = sum();
        List<Expr.Comparison> rest = new ArrayList<>();
        for (@Nullable Relation relation = relation(); relation != null; relation = relation()) {
            rest.add(new Expr.Comparison(relation, sum()));
        }
        return rest.isEmpty() ? first : new Expr.Compare(first, List.copyOf(rest), line);
    }

    /** Reads a comparison's sign if one comes next. */
    private @Nullable Relation relation() {
        Token current = tokens.current();
        @Nullable Relation relation = null;
        if (current.kind() == Kind.OPERATOR) {
            relation = switch (current.text()) {
                case "==" -> Relation.EQUAL;
                case "!=" -> Relation.NOT_EQUAL;
                case "<" -> Relation.LESS;
                case "<=" -> Relation.LESS_OR_EQUAL;
                case ">" -> Relation.GREATER;
                case ">=" -> Relation.GREATER_OR_EQUAL;
                default -> null;
            };
        } else if (current.isName("in")) {
            relation = Relation.IN;
        } else if (current.isName("not") && tokens.following().isName("in")) {
            tokens.next();
            relation = Relation.NOT_IN;
        }
        if (relation != null) {
            tokens.next();
        }
        return relation;
    }

    private Expr sum() {
        Expr left = concat();
        while (tokens.current().isOperator("+") || tokens.current().isOperator("-")) {
            Token sign = tokens.next();
            Operator operator = sign.text().equals("+") ? Operator.ADD : Operator.SUBTRACT;
            left = new Expr.Arithmetic(operator, left, concat(), sign.line());
        }
        return left;
    }

    private Expr concat() {
        Expr first = product();
        if (!tokens.current().isOperator("~")) {
            return first;
        }
        List<Expr> parts = new ArrayList<>(List.of(first));
        while (tokens.skipOperator("~")) {
            parts.add(product());
        }
        return new Expr.Concat(List.copyOf(parts));
    }

    private Expr product() {
        Expr left = power();
        while (true) {
            Token sign = tokens.current();
            @Nullable
            Operator operator = sign.kind() != Kind.OPERATOR
                    ? null
                    : switch (sign.text()) {
                        case "*" -> Operator.MULTIPLY;
                        case "/" -> Operator.DIVIDE;
                        case "//" -> Operator.FLOOR_DIVIDE;
                        case "%" -> Operator.MODULO;
                        default -> null;
                    };
            if (operator == null) {
                return left;
            }
            tokens.next();
            left = new Expr.Arithmetic(operator, left, power(), sign.line());
        }
    }

    private Expr power() {
        Expr left = unary(true);
        while (tokens.current().isOperator("**")) {
            int line = tokens.next().line();
            left = new Expr.Arithmetic(Operator.POWER, left, unary(true), line);
        }
        return left;
    }

    private Expr unary(boolean withFilters) {
        Token current = tokens.current();
        Expr value;
        if (current.isOperator("-") || current.isOperator("+")) {
            tokens.next();
            tokens.enter();
            value = new Expr.Signed(current.text().equals("-"), unary(false), current.line());
            tokens.exit();
        } else {
            value = primary();
        }
        value = postfix(value);
        return withFilters ? filtersAndTests(value) : value;
    }

    private Expr primary() {
        Token token = tokens.next();
        switch (token.kind()) {
            case NAME -> {
                return name(token);
            }
            case STRING -> {
                StringBuilder text = new StringBuilder(token.text());
                while (tokens.current().kind() == Kind.STRING) {
                    text.append(tokens.next().text());
                }
                return new Expr.Literal(new Value.Str(text.toString()));
            }
            case INTEGER -> {
                return new Expr.Literal(new Value.Int(integer(token.text())));
            }
            case FLOAT -> {
                return new Expr.Literal(new Value.Flt(Double.parseDouble(token.text())));
            }
            case OPERATOR -> {
                tokens.enter();
                @Nullable
                Expr value = switch (token.text()) {
                    case "(" -> {
                        Expr tuple = tuple(true, true);
                        tokens.expectOperator(")");
                        yield tuple;
                    }
                    case "[" -> list();
                    case "{" -> dict(token.line());
                    default -> null;
                };
                tokens.exit();
                if (value != null) {
                    return value;
                }
            }
            case TEXT, OUTPUT_BEGIN, OUTPUT_END, BLOCK_BEGIN, BLOCK_END, END -> {}
        }
        throw TemplateException.at(token.line(), "expected an expression, got " + token.shown());
    }

    private Expr name(Token token) {
        return switch (token.text()) {
            case "true", "True" -> new Expr.Literal(Value.Bool.TRUE);
            case "false", "False" -> new Expr.Literal(Value.Bool.FALSE);
            case "none", "None" -> new Expr.Literal(Value.None.NONE);
            default -> {
                namesRead.add(token.text());
                yield new Expr.Name(token.text());
            }
        };
    }

    private static BigInteger integer(String text) {
        if (text.length() > 2 && text.charAt(0) == '0') {
            switch (text.charAt(1)) {
                case 'x', 'X' -> {
                    return new BigInteger(text.substring(2), 16);
                }
                case 'o', 'O' -> {
                    return new BigInteger(text.substring(2), 8);
                }
                case 'b', 'B' -> {
                    return new BigInteger(text.substring(2), 2);
                }
                default -> {}
            }
        }
        return new BigInteger(text);
    }

    private Expr list() {
        List<Expr> items = new ArrayList<>();
        while (!tokens.current().isOperator("]")) {
            items.add(expression());
            if (!tokens.skipOperator(",")) {
                break;
            }
        }
        tokens.expectOperator("]");
        return new Expr.ListOf(List.copyOf(items));
    }

    private Expr dict(int line) {
        List<Expr.Pair> pairs = new ArrayList<>();
        while (!tokens.current().isOperator("}")) {
            Expr key = expression();
            tokens.expectOperator(":");
            pairs.add(new Expr.Pair(key, expression()));
            if (!tokens.skipOperator(",")) {
                break;
            }
        }
        tokens.expectOperator("}");
        return new Expr.DictOf(List.copyOf(pairs), line);
    }

    private Expr postfix(Expr target) {
        Expr value = target;
        while (true) {
            Token current = tokens.current();
            if (current.isOperator(".")) {
                tokens.next();
                Token name = tokens.next();
                value = switch (name.kind()) {
                    case NAME -> new Expr.Attribute(value, name.text(), current.line());
                    case INTEGER ->
                        new Expr.Item(value, new Expr.Literal(new Value.Int(integer(name.text()))), current.line());
                    case TEXT, OUTPUT_BEGIN, OUTPUT_END, BLOCK_BEGIN, BLOCK_END, STRING, FLOAT, OPERATOR, END ->
                        throw TemplateException.at(
                                name.line(), "expected a name or a number after '.', got " + name.shown());
                };
            } else if (current.isOperator("[")) {
                tokens.next();
                value = subscript(value, current.line());
            } else if (current.isOperator("(")) {
                value = new Expr.Call(value, arguments(), current.line());
            } else {
                return value;
            }
        }
    }

    private Expr subscript(Expr target, int line) {
        tokens.enter();
        @Nullable Expr start = tokens.current().isOperator(":") ? null : expression();
        Expr value;
        if (tokens.skipOperator(":")) {
            @Nullable Expr stop = slicePart();
            @Nullable Expr step = tokens.skipOperator(":") ? slicePart() : null;
            value = new Expr.Slice(target, start, stop, step, line);
        } else if (start != null && tokens.current().isOperator(",")) {
            List<Expr> keys = new ArrayList<>(List.of(start));
            while (tokens.skipOperator(",") && !tokens.current().isOperator("]")) {
                keys.add(expression());
            }
            value = new Expr.Item(target, new Expr.TupleOf(List.copyOf(keys)), line);
        } else if (start != null) {
            value = new Expr.Item(target, start, line);
        } else {
            throw tokens.error("expected a key or a slice in []");
        }
        tokens.expectOperator("]");
        tokens.exit();
        return value;
    }

    private @Nullable Expr slicePart() {
        return tokens.current().isOperator(":") || tokens.current().isOperator("]") ? null : expression();
    }

    private Expr filtersAndTests(Expr target) {
        Expr value = target;
        while (true) {
            Token current = tokens.current();
            if (current.isOperator("|")) {
                tokens.next();
                value = new Expr.Filtered(value, filterCall());
            } else if (current.isName("is")) {
                tokens.next();
                value = test(value, current.line());
            } else if (current.isOperator("(")) {
                value = new Expr.Call(value, arguments(), current.line());
            } else {
                return value;
            }
        }
    }

    /** A filter's name and arguments, the mark before it already read. */
    FilterCall filterCall() {
        Token name = tokens.expect(Kind.NAME, "a filter's name");
        return new FilterCall(
                dotted(name), tokens.current().isOperator("(") ? arguments() : ArgumentList.NONE, name.line());
    }

    /** Names of filters and tests may have dots; none that is known here has, so such a one fails when it is used. */
    private String dotted(Token first) {
        StringBuilder name = new StringBuilder(first.text());
        while (tokens.skipOperator(".")) {
            name.append('.').append(tokens.expect(Kind.NAME, "a name after '.'").text());
        }
        return name.toString();
    }

    private Expr test(Expr target, int line) {
        boolean negated = tokens.skipName("not");
        String name = dotted(tokens.expect(Kind.NAME, "a test's name"));
        Token current = tokens.current();
        ArgumentList arguments = ArgumentList.NONE;
        if (current.isOperator("(")) {
            arguments = arguments();
        } else if (beginsTestArgument(current)) {
            if (current.isName("is")) {
                throw tokens.error("tests cannot be chained with 'is'");
            }
            arguments = new ArgumentList(List.of(postfix(primary())), List.of(), null, null);
        }
        Expr test = new Expr.Test(target, name, arguments, line);
        return negated ? new Expr.Not(test) : test;
    }

    private static boolean beginsTestArgument(Token token) {
        return switch (token.kind()) {
            case NAME -> !token.isName("else") && !token.isName("or") && !token.isName("and");
            case STRING, INTEGER, FLOAT -> true;
            case OPERATOR -> token.text().equals("[") || token.text().equals("{");
            case TEXT, OUTPUT_BEGIN, OUTPUT_END, BLOCK_BEGIN, BLOCK_END, END -> false;
        };
    }

    private ArgumentList arguments() {
        tokens.enter();
        tokens.expectOperator("(");
        List<Expr> positional = new ArrayList<>();
        List<Expr.Named> named = new ArrayList<>();
        @Nullable Expr star = null;
        @Nullable Expr doubleStar = null;
        while (!tokens.current().isOperator(")")) {
            if (doubleStar != null) {
                throw tokens.error("an argument after **");
            }
            if (star == null && tokens.skipOperator("*")) {
                star = expression();
            } else if (tokens.skipOperator("**")) {
                doubleStar = expression();
            } else if (tokens.current().kind() == Kind.NAME
                    && tokens.following().isOperator("=")) {
                String name = tokens.next().text();
                tokens.next();
                named.add(new Expr.Named(name, expression()));
            } else if (star == null && named.isEmpty()) {
                positional.add(expression());
            } else {
                throw tokens.error("a positional argument after a named one or after *");
            }
            if (!tokens.skipOperator(",")) {
                break;
            }
        }
        tokens.expectOperator(")");
        tokens.exit();
        return new ArgumentList(List.copyOf(positional), List.copyOf(named), star, doubleStar);
    }
}
