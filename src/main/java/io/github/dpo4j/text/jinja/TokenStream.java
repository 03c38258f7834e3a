package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Token.Kind;
import java.util.List;

/** The tokens of a template with the parser's place in them; counts nesting so that no template overflows the stack. */
final class TokenStream {
    private static final int MAX_NESTING = 100;
    private final List<Token> tokens;
    private int at;
    private int nesting;

    TokenStream(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token current() {
        return tokens.get(at);
    }

    Token following() {
        return tokens.get(Math.min(at + 1, tokens.size() - 1));
    }

    Token next() {
        Token token = tokens.get(at);
        if (token.kind() != Kind.END) {
            at++;
        }
        return token;
    }

    boolean skipName(String name) {
        boolean there = current().isName(name);
        if (there) {
            next();
        }
        return there;
    }

    boolean skipOperator(String operator) {
        boolean there = current().isOperator(operator);
        if (there) {
            next();
        }
        return there;
    }

    Token expect(Kind kind, String wanted) {
        if (current().kind() != kind) {
            throw error("expected " + wanted + ", got " + current().shown());
        }
        return next();
    }

    void expectOperator(String operator) {
        if (!skipOperator(operator)) {
            throw error("expected '" + operator + "', got " + current().shown());
        }
    }

    void expectName(String name) {
        if (!skipName(name)) {
            throw error("expected '" + name + "', got " + current().shown());
        }
    }

    TemplateException error(String message) {
        return TemplateException.at(current().line(), message);
    }

    void enter() {
        if (++nesting > MAX_NESTING) {
            throw error("tags or brackets nest deeper than " + MAX_NESTING);
        }
    }

    void exit() {
        nesting--;
    }
}
