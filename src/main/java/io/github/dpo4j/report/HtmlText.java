package io.github.dpo4j.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.regex.Pattern;

/** Makes untrusted text harmless inside HTML. */
final class HtmlText {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern END_TAG = Pattern.compile("</(script)", Pattern.CASE_INSENSITIVE);

    private HtmlText() {}

    /** Returns {@code text} for an element's content or a quoted attribute; control characters become U+FFFD. */
    static String escape(String text) {
        StringBuilder out = new StringBuilder(text.length() + 16);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '&' -> out.append("&amp;");
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '"' -> out.append("&quot;");
                case '\'' -> out.append("&#39;");
                default -> out.append(isControl(c) ? '\uFFFD' : c);
            }
        }
        return out.toString();
    }

    private static boolean isControl(char c) {
        return (Character.isISOControl(c) && c != '\n' && c != '\r' && c != '\t') || c == '\uFFFE' || c == '\uFFFF';
    }

    /** Returns {@code node} as JSON that can stand in a script element: no {@code <}, so no tag can begin or end in it. */
    static String jsonForScript(JsonNode node) {
        try {
            return JSON.writeValueAsString(node)
                    .replace("<", "\\u003c")
                    .replace(">", "\\u003e")
                    .replace("&", "\\u0026")
                    .replace("\u2028", "\\u2028")
                    .replace("\u2029", "\\u2029");
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("A tree of JSON nodes can always be written.", e);
        }
    }

    /** Returns a script of ours such that no sequence in it ends its element early; its meaning is the same. */
    static String script(String source) {
        // In JavaScript both sequences occur only inside strings, templates and expressions, where \/ is / and \! is !.
        return END_TAG.matcher(source).replaceAll("<\\\\/$1").replace("<!--", "<\\!--");
    }
}
