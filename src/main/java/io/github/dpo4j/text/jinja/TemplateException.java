package io.github.dpo4j.text.jinja;

/**
 * A template that cannot be parsed or rendered. Where the template itself refuses its input ({@code raise_exception}), the
 * message is the template's own; otherwise it names the line of the template and what is wrong there.
 */
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final boolean raisedByTemplate;
    private final int line;

    private TemplateException(String message, boolean raisedByTemplate, int line) {
        super(message);
        this.raisedByTemplate = raisedByTemplate;
        this.line = line;
    }

    static TemplateException at(int line, String message) {
        return new TemplateException("chat template, line " + line + ": " + message, false, line);
    }

    static TemplateException raised(int line, String message) {
        return new TemplateException(message, true, line);
    }

    /** Whether the template called raise_exception, as templates do for roles or orders that they do not know. */
    public boolean raisedByTemplate() {
        return raisedByTemplate;
    }

    /** The 1-based line of the template. */
    public int line() {
        return line;
    }
}
