package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Expr.FilterCall;
import io.github.dpo4j.text.jinja.Stmt.Target;
import io.github.dpo4j.text.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Jinja's tags: tokens to statements. A tag that is not rendered here is refused by its name. */
final class Parser {
    private final TokenStream tokens;
    private final ExpressionParser expressions;
    /** How many loops are open in the current macro or template; break and continue need one. */
    private int loops;

    private Parser(List<Token> tokens) {
        this.tokens = new TokenStream(tokens);
        this.expressions = new ExpressionParser(this.tokens);
    }

    static List<Stmt> parse(String template) {
        return new Parser(Lexer.tokens(template)).body(List.of(), "", 1);
    }

    /** Statements up to one of the ending tags, which is left as the current token; up to the template's end if there are none. */
    private List<Stmt> body(List<String> endings, String tag, int tagLine) {
        List<Stmt> body = new ArrayList<>();
        while (true) {
            Token token = tokens.next();
            switch (token.kind()) {
                case TEXT -> body.add(new Stmt.Text(token.text()));
                case OUTPUT_BEGIN -> {
                    body.add(new Stmt.Output(expressions.tuple(true, false), token.line()));
                    tokens.expect(Kind.OUTPUT_END, "'}}'");
                }
                case BLOCK_BEGIN -> {
                    if (tokens.current().kind() == Kind.NAME
                            && endings.contains(tokens.current().text())) {
                        return List.copyOf(body);
                    }
                    tokens.enter();
                    body.add(statement());
                    tokens.exit();
                    tokens.expect(Kind.BLOCK_END, "'%}'");
                }
                case END -> {
                    if (endings.isEmpty()) {
                        return List.copyOf(body);
                    }
                    throw TemplateException.at(tagLine, "'" + tag + "' is never closed by '" + endings.getLast() + "'");
                }
                case OUTPUT_END, BLOCK_END, NAME, STRING, INTEGER, FLOAT, OPERATOR ->
                    throw new IllegalStateException("the lexer gave " + token + " outside a tag");
            }
        }
    }

    /** The rest of an opening tag, then its body; leaves the ending tag's name as the current token. */
    private List<Stmt> bodyUntil(Token tag, String... endings) {
        tokens.skipOperator(":");
        tokens.expect(Kind.BLOCK_END, "'%}'");
        return body(List.of(endings), tag.text(), tag.line());
    }

    private List<Stmt> wholeBody(Token tag) {
        List<Stmt> body = bodyUntil(tag, "end" + tag.text());
        tokens.next();
        return body;
    }

    private Stmt statement() {
        Token tag = tokens.expect(Kind.NAME, "a tag's name");
        return switch (tag.text()) {
            case "if" -> ifStatement(tag);
            case "for" -> forStatement(tag);
            case "set" -> setStatement(tag);
            case "macro" -> macro(tag);
            case "call" -> callBlock(tag);
            case "filter" -> {
                List<FilterCall> filters = new ArrayList<>(List.of(expressions.filterCall()));
                filters.addAll(filters());
                yield new Stmt.FilterBlock(List.copyOf(filters), wholeBody(tag), tag.line());
            }
            case "with" -> with(tag);
            case "generation" -> new Stmt.Generation(withoutLoops(() -> wholeBody(tag)));
            case "break", "continue" -> {
                if (loops == 0) {
                    throw TemplateException.at(tag.line(), "'" + tag.text() + "' outside a loop");
                }
                yield tag.text().equals("break") ? new Stmt.Break() : new Stmt.Continue();
            }
            case "print" -> new Stmt.Output(expressions.tuple(true, false), tag.line());
            case "include", "import", "from", "extends", "block", "autoescape", "do", "trans", "debug" ->
                throw TemplateException.at(
                        tag.line(), "the tag '" + tag.text() + "' is not supported in a chat template");
            default -> throw TemplateException.at(tag.line(), "unknown or misplaced tag '" + tag.text() + "'");
        };
    }

    private List<Stmt> withoutLoops(Supplier<List<Stmt>> body) {
        int outside = loops;
        loops = 0;
        List<Stmt> parsed = body.get();
        loops = outside;
        return parsed;
    }

    private Stmt ifStatement(Token tag) {
        List<Stmt.Branch> branches = new ArrayList<>();
        List<Stmt> otherwise = List.of();
        Token opening = tag;
        while (true) {
            Expr test = expressions.tuple(false, false);
            List<Stmt> body = bodyUntil(opening, "elif", "else", "endif");
            branches.add(new Stmt.Branch(test, body, opening.line()));
            opening = tokens.next();
            if (opening.isName("else")) {
                otherwise = bodyUntil(opening, "endif");
                tokens.next();
            }
            if (!opening.isName("elif")) {
                return new Stmt.If(List.copyOf(branches), otherwise);
            }
        }
    }

    private Stmt forStatement(Token tag) {
        Target target = target(false);
        tokens.expectName("in");
        Expr items = expressions.tuple(false, false);
        @Nullable Expr filter = tokens.skipName("if") ? expressions.expression() : null;
        boolean recursive = tokens.skipName("recursive");
        loops++;
        List<Stmt> body = bodyUntil(tag, "else", "endfor");
        loops--;
        List<Stmt> otherwise = List.of();
        if (tokens.next().isName("else")) {
            otherwise = bodyUntil(tag, "endfor");
            tokens.next();
        }
        return new Stmt.For(target, items, filter, recursive, body, otherwise, tag.line());
    }

    private Stmt setStatement(Token tag) {
        Target target = target(true);
        if (tokens.skipOperator("=")) {
            return new Stmt.Set(target, expressions.tuple(true, false), tag.line());
        }
        List<FilterCall> filters = filters();
        return new Stmt.SetBlock(target, filters, wholeBody(tag), tag.line());
    }

    private List<FilterCall> filters() {
        List<FilterCall> filters = new ArrayList<>();
        while (tokens.skipOperator("|")) {
            filters.add(expressions.filterCall());
        }
        return List.copyOf(filters);
    }

    private Target target(boolean withNamespace) {
        List<Target> targets = new ArrayList<>();
        boolean tuple = false;
        do {
            Token current = tokens.current();
            if (!targets.isEmpty()
                    && (current.kind() == Kind.BLOCK_END
                            || current.isName("in")
                            || current.isOperator("=")
                            || current.isOperator(")"))) {
                break;
            }
            targets.add(singleTarget(withNamespace));
            tuple |= tokens.current().isOperator(",");
        } while (tokens.skipOperator(","));
        return tuple ? new Target.Tuple(List.copyOf(targets)) : targets.getFirst();
    }

    private Target singleTarget(boolean withNamespace) {
        if (tokens.skipOperator("(")) {
            tokens.enter();
            Target target = target(withNamespace);
            tokens.expectOperator(")");
            tokens.exit();
            return target;
        }
        String name = name();
        return withNamespace && tokens.skipOperator(".")
                ? new Target.NamespaceAttribute(
                        name, tokens.expect(Kind.NAME, "an attribute's name").text())
                : new Target.Name(name);
    }

    private String name() {
        Token name = tokens.expect(Kind.NAME, "a name");
        return switch (name.text()) {
            case "true", "false", "none", "True", "False", "None" ->
                throw TemplateException.at(name.line(), "cannot assign to '" + name.text() + "'");
            default -> name.text();
        };
    }

    private Stmt macro(Token tag) {
        String name = name();
        Set<String> inside = new HashSet<>();
        Set<String> outside = expressions.swapNamesRead(inside);
        List<Stmt.Parameter> parameters = parameters();
        List<Stmt> body = withoutLoops(() -> wholeBody(tag));
        Stmt.Signature signature = signature(parameters, inside);
        outside.addAll(inside);
        expressions.swapNamesRead(outside);
        return new Stmt.Macro(name, signature, body, tag.line());
    }

    private Stmt callBlock(Token tag) {
        Set<String> inside = new HashSet<>();
        Set<String> outside = expressions.swapNamesRead(inside);
        List<Stmt.Parameter> parameters = tokens.current().isOperator("(") ? parameters() : List.of();
        if (!(expressions.expression() instanceof Expr.Call call)) {
            throw TemplateException.at(tag.line(), "'call' needs a call, as in {% call name() %}");
        }
        List<Stmt> body = withoutLoops(() -> wholeBody(tag));
        Stmt.Signature signature = signature(parameters, inside);
        outside.addAll(inside);
        expressions.swapNamesRead(outside);
        return new Stmt.CallBlock(signature, call, body, tag.line());
    }

    private static Stmt.Signature signature(List<Stmt.Parameter> parameters, Set<String> read) {
        return new Stmt.Signature(
                parameters, read.contains("caller"), read.contains("varargs"), read.contains("kwargs"));
    }

    private List<Stmt.Parameter> parameters() {
        List<Stmt.Parameter> parameters = new ArrayList<>();
        tokens.expectOperator("(");
        while (!tokens.current().isOperator(")")) {
            if (!parameters.isEmpty()) {
                tokens.expectOperator(",");
            }
            String name = name();
            @Nullable Expr defaultValue = tokens.skipOperator("=") ? expressions.expression() : null;
            if (defaultValue == null
                    && !parameters.isEmpty()
                    && parameters.getLast().defaultValue() != null) {
                throw tokens.error("parameter '" + name + "' without a default follows one with a default");
            }
            parameters.add(new Stmt.Parameter(name, defaultValue));
        }
        tokens.expectOperator(")");
        return List.copyOf(parameters);
    }

    private Stmt with(Token tag) {
        List<Stmt.Binding> bindings = new ArrayList<>();
        while (tokens.current().kind() != Kind.BLOCK_END) {
            if (!bindings.isEmpty()) {
                tokens.expectOperator(",");
            }
            // one name: a tuple's comma could not be told from the next binding's
            Target target = singleTarget(false);
            tokens.expectOperator("=");
            bindings.add(new Stmt.Binding(target, expressions.expression()));
        }
        return new Stmt.With(List.copyOf(bindings), wholeBody(tag), tag.line());
    }
}
