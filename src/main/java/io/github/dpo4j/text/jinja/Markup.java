package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Value.Str;

/** Text marked as HTML by the filters safe and escape; unmarked text that joins it is escaped, even with autoescape off. */
final class Markup {
    private Markup() {}

    static String escape(String text, Rendering rendering) {
        rendering.text(5L * text.length());
        return text.replace("&", "&amp;")
                .replace(">", "&gt;")
                .replace("<", "&lt;")
                .replace("'", "&#39;")
                .replace("\"", "&#34;");
    }

    /** The text of a value that joins markup. */
    static String joining(Value value, Rendering rendering) {
        return value instanceof Str(String text, boolean markup) && markup
                ? text
                : escape(Printing.text(value, rendering), rendering);
    }
}
