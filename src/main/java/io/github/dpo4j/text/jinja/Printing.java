package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Value.Bool;
import io.github.dpo4j.text.jinja.Value.Dict;
import io.github.dpo4j.text.jinja.Value.Flt;
import io.github.dpo4j.text.jinja.Value.Function;
import io.github.dpo4j.text.jinja.Value.Int;
import io.github.dpo4j.text.jinja.Value.Items;
import io.github.dpo4j.text.jinja.Value.Lazy;
import io.github.dpo4j.text.jinja.Value.Loop;
import io.github.dpo4j.text.jinja.Value.Macro;
import io.github.dpo4j.text.jinja.Value.Method;
import io.github.dpo4j.text.jinja.Value.Namespace;
import io.github.dpo4j.text.jinja.Value.None;
import io.github.dpo4j.text.jinja.Value.Range;
import io.github.dpo4j.text.jinja.Value.Str;
import io.github.dpo4j.text.jinja.Value.Tuple;
import io.github.dpo4j.text.jinja.Value.Undefined;
import io.github.dpo4j.text.jinja.Value.View;
import java.util.Iterator;

/** Python's str() and repr(). */
final class Printing {
    private final Rendering rendering;
    private final StringBuilder out = new StringBuilder();

    private Printing(Rendering rendering) {
        this.rendering = rendering;
    }

    static String text(Value value, Rendering rendering) {
        return switch (value) {
            case Str(String text, var _) -> text;
            case Undefined _ -> "";
            default -> repr(value, rendering);
        };
    }

    static String repr(Value value, Rendering rendering) {
        Printing printing = new Printing(rendering);
        printing.print(value);
        return printing.out.toString();
    }

    private void add(String text) {
        rendering.text(text.length());
        rendering.text(out.length() + text.length() > Rendering.MAX_TEXT ? Rendering.MAX_TEXT + 1L : 0);
        out.append(text);
    }

    private void print(Value value) {
        rendering.enter();
        switch (value) {
            case Str(String text, boolean markup) -> add(markup ? "Markup(" + quoted(text) + ")" : quoted(text));
            case Undefined _ -> add("Undefined");
            case Bool bool -> add(bool == Bool.TRUE ? "True" : "False");
            case None _ -> add("None");
            case Int(var number) -> add(Numbers.shown(number, rendering));
            case Flt(double number) -> add(Numbers.shown(number));
            case Items _ -> sequence("[", value, "]");
            case Tuple(var items, var _) -> sequence("(", value, items.size() == 1 ? ",)" : ")");
            case Dict dict -> dict(dict);
            case Range(long start, long stop, long step) ->
                add("range(" + start + ", " + stop + (step == 1 ? "" : ", " + step) + ")");
            case View view -> {
                add(view.kind().type);
                sequence("([", value, "])");
            }
            case Namespace(Dict attributes) -> {
                add("<Namespace ");
                dict(attributes);
                add(">");
            }
            case Loop loop -> add("<LoopContext " + (loop.index0 + 1) + "/" + loop.length() + ">");
            case Macro macro -> {
                String name = macro.definition().name();
                add("<Macro " + (name.equals("caller") ? "anonymous" : quoted(name)) + ">");
            }
            case Method(var _, String name) -> add("<built-in method " + name + ">");
            case Function function -> add("<function " + function.called + ">");
            case Lazy _ -> add("<generator object>");
        }
        rendering.exit();
    }

    private void sequence(String begin, Value items, String end) {
        add(begin);
        Iterator<Value> iterator = Iteration.iterate(items, rendering);
        while (iterator.hasNext()) {
            print(iterator.next());
            if (iterator.hasNext()) {
                add(", ");
            }
        }
        add(end);
    }

    private void dict(Dict dict) {
        String separator = "{";
        for (var entry : dict.entries()) {
            add(separator);
            print(entry.getKey());
            add(": ");
            print(entry.getValue());
            separator = ", ";
        }
        add(dict.size() == 0 ? "{}" : "}");
    }

    private String quoted(String text) {
        rendering.bytes(64 + 3L * text.length());
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        StringBuilder quoted = new StringBuilder(text.length() + 2).append(quote);
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            switch (c) {
                case '\n' -> quoted.append("\\n");
                case '\r' -> quoted.append("\\r");
                case '\t' -> quoted.append("\\t");
                case '\\' -> quoted.append("\\\\");
                default -> {
                    if (c == quote) {
                        quoted.append('\\').append(quote);
                    } else if (CodePoints.isPrintable(c)) {
                        quoted.appendCodePoint(c);
                    } else if (c < 0x100) {
                        quoted.append(CodePoints.hex("\\x", c, 2));
                    } else {
                        quoted.append(c < 0x10000 ? CodePoints.hex("\\u", c, 4) : CodePoints.hex("\\U", c, 8));
                    }
                }
            }
        }
        return quoted.append(quote).toString();
    }
}
