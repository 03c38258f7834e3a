package io.github.dpo4j.text.jinja;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Clock;
import java.util.List;
import java.util.Map;

/** A parsed template; immutable, so that any number of threads may render it. */
public final class Template {
    private static final int MOST_CHARACTERS = 1_000_000;

    private final List<Stmt> body;

    private Template(List<Stmt> body) {
        this.body = body;
    }

    /** Throws TemplateException for what is not Jinja or not supported, and for over a million characters. */
    public static Template parse(String source) {
        if (source.length() > MOST_CHARACTERS) {
            throw TemplateException.at(1, "a template of over " + MOST_CHARACTERS + " characters");
        }
        return new Template(Parser.parse(source));
    }

    /**
     * Renders with these variables. The clock is what strftime_now reads, in its zone. Throws TemplateException where the
     * template refuses its input, fails, or wants more than a rendering may cost (4 million characters; 64 MB, and more for long conversations).
     */
    public String render(Map<String, JsonNode> variables, Clock clock) {
        Rendering rendering = new Rendering(clock);
        Scope globals = new Scope(null);
        for (Value.Function function : Value.Function.values()) {
            globals.set(function.called, function);
        }
        Scope scope = new Scope(globals);
        try {
            variables.forEach((name, node) -> scope.set(name, Json.read(node, rendering)));
            rendering.inputIsRead();
            return new Interpreter(rendering).render(body, scope);
        } catch (StackOverflowError e) {
            // the depth is bounded for a stack of half a megabyte; a caller's thread may have less
            throw rendering.error("calls or values nest deeper than this thread's stack holds");
        }
    }
}
