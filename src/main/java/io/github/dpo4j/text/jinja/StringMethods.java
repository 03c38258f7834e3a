package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Arguments.Bound;
import io.github.dpo4j.text.jinja.Value.Bool;
import io.github.dpo4j.text.jinja.Value.Int;
import io.github.dpo4j.text.jinja.Value.Items;
import io.github.dpo4j.text.jinja.Value.None;
import io.github.dpo4j.text.jinja.Value.Str;
import io.github.dpo4j.text.jinja.Value.Tuple;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** The methods of Python's str. */
final class StringMethods {
    static final Set<String> NAMES = Set.of(
            "capitalize",
            "casefold",
            "center",
            "count",
            "encode",
            "endswith",
            "expandtabs",
            "find",
            "format",
            "format_map",
            "index",
            "isalnum",
            "isalpha",
            "isascii",
            "isdecimal",
            "isdigit",
            "isidentifier",
            "islower",
            "isnumeric",
            "isprintable",
            "isspace",
            "istitle",
            "isupper",
            "join",
            "ljust",
            "lower",
            "lstrip",
            "maketrans",
            "partition",
            "removeprefix",
            "removesuffix",
            "replace",
            "rfind",
            "rindex",
            "rjust",
            "rpartition",
            "rsplit",
            "rstrip",
            "split",
            "splitlines",
            "startswith",
            "strip",
            "swapcase",
            "title",
            "translate",
            "upper",
            "zfill");

    private final String text;
    private final boolean markup;
    private final String name;
    private final Arguments arguments;
    private final Rendering rendering;

    private StringMethods(Str receiver, String name, Arguments arguments, Rendering rendering) {
        this.text = receiver.text();
        this.markup = receiver.markup();
        this.name = name;
        this.arguments = arguments;
        this.rendering = rendering;
    }

    static Value call(Str receiver, String name, Arguments arguments, Rendering rendering) {
        rendering.text(receiver.text().length());
        return new StringMethods(receiver, name, arguments, rendering).call();
    }

    private Value call() {
        return switch (name) {
            case "upper" -> plain(text.toUpperCase(Locale.ROOT));
            case "lower" -> plain(text.toLowerCase(Locale.ROOT));
            case "title" -> {
                rendering.bytes(80L * text.length());
                yield plain(Case.title(text));
            }
            case "capitalize" -> plain(Case.capitalize(text));
            case "swapcase" -> {
                rendering.bytes(120L * text.length());
                yield plain(Case.swap(text));
            }
            case "strip" -> strip(true, true);
            case "lstrip" -> strip(true, false);
            case "rstrip" -> strip(false, true);
            case "split" -> split(false);
            case "rsplit" -> split(true);
            case "splitlines" -> {
                Bound bound = arguments.bind(name, rendering, "keepends");
                yield strings(Lines.split(text, bound.flag("keepends")));
            }
            case "join" -> join();
            case "replace" -> replace();
            case "startswith", "endswith" -> affix();
            case "find", "rfind", "index", "rindex" -> find();
            case "count" -> count();
            case "removeprefix" -> {
                String prefix = one();
                yield str(text.startsWith(prefix) ? text.substring(prefix.length()) : text);
            }
            case "removesuffix" -> {
                String suffix = one();
                yield str(
                        !suffix.isEmpty() && text.endsWith(suffix)
                                ? text.substring(0, text.length() - suffix.length())
                                : text);
            }
            case "partition", "rpartition" -> partition();
            case "ljust", "rjust", "center", "zfill" -> pad();
            case "isspace" -> every(CodePoints::isSpace);
            case "isalpha" -> every(Character::isLetter);
            case "isalnum" -> every(CodePoints::isLetterOrNumber);
            case "isdecimal" -> every(Character::isDigit);
            case "isdigit" -> every(CodePoints::isDigit);
            case "isnumeric" -> every(CodePoints::isNumber);
            case "casefold" -> plain(text.toUpperCase(Locale.ROOT).toLowerCase(Locale.ROOT));
            case "expandtabs" -> expandTabs();
            case "islower" -> Bool.of(Case.isLower(text));
            case "isupper" -> Bool.of(Case.isUpper(text));
            case "isascii" -> Bool.of(text.chars().allMatch(c -> c < 128));
            case "isprintable" -> Bool.of(text.codePoints().allMatch(CodePoints::isPrintable));
            case "format" -> str(BraceFormat.format(text, arguments, markup, rendering));
            default -> throw rendering.error("the method '" + name + "' of texts is not supported");
        };
    }

    private Value plain(String result) {
        arguments.bind(name, rendering);
        rendering.text(result.length());
        return str(result);
    }

    private Str str(String result) {
        return new Str(result, markup);
    }

    private Items strings(List<String> parts) {
        rendering.items(6L * parts.size());
        List<Value> values = new ArrayList<>(parts.size());
        parts.forEach(part -> values.add(str(part)));
        return new Items(values);
    }

    private String one() {
        return arguments.bind(name, rendering, "text").text("text");
    }

    private Value every(IntPredicate test) {
        arguments.bind(name, rendering);
        return Bool.of(!text.isEmpty() && text.codePoints().allMatch(test));
    }

    private Value strip(boolean left, boolean right) {
        Bound bound = arguments.bind(name, rendering, "chars");
        IntPredicate stripped = CodePoints::isSpace;
        if (!(bound.get("chars", None.NONE) instanceof None)) {
            String chars = bound.text("chars");
            rendering.text(chars.length());
            Set<Integer> set = Set.copyOf(chars.codePoints().boxed().toList());
            stripped = set::contains;
        }
        String result = left ? CodePoints.stripLeft(text, stripped) : text;
        return str(right ? CodePoints.stripRight(result, stripped) : result);
    }

    private Value split(boolean fromRight) {
        Bound bound = arguments.bind(name, rendering, "sep", "maxsplit");
        int limit = bound.integer("maxsplit", -1);
        limit = limit < 0 ? Integer.MAX_VALUE : limit;
        if (bound.get("sep", None.NONE) instanceof None) {
            rendering.bytes(24L * text.length());
            return strings(fromRight ? Lines.wordsFromRight(text, limit) : Lines.words(text, limit));
        }
        String separator = bound.text("sep");
        if (separator.isEmpty()) {
            throw rendering.error("empty separator");
        }
        List<String> parts = new ArrayList<>();
        if (fromRight) {
            int end = text.length();
            int found = CodePoints.findLast(text, separator, end);
            while (found >= 0 && parts.size() < limit) {
                step(end);
                parts.add(text.substring(found + separator.length(), end));
                end = found;
                found = CodePoints.findLast(text, separator, end);
            }
            parts.add(text.substring(0, end));
            Collections.reverse(parts);
            return strings(parts);
        }
        int start = 0;
        int found = CodePoints.find(text, separator, 0);
        while (found >= 0 && parts.size() < limit) {
            step(separator.length());
            parts.add(text.substring(start, found));
            start = found + separator.length();
            found = CodePoints.find(text, separator, start);
        }
        parts.add(text.substring(start));
        return strings(parts);
    }

    /** One more part; a long separator's table is made anew for each. */
    private void step(int length) {
        rendering.step();
        rendering.scan(length > 32 ? 4L * length : 0);
    }

    private Value join() {
        List<Value> items =
                Iteration.list(arguments.bind(name, rendering, "iterable").get("iterable"), rendering);
        StringBuilder joined = new StringBuilder();
        for (int i = 0; i < items.size(); i++) {
            if (!(items.get(i) instanceof Str(String part, var _))) {
                throw rendering.error("sequence item " + i + ": expected str instance, "
                        + items.get(i).type() + " found");
            }
            String item = markup ? Markup.joining(items.get(i), rendering) : part;
            rendering.text((long) text.length() + item.length());
            rendering.text(joined.length() + item.length() > Rendering.MAX_TEXT ? Rendering.MAX_TEXT + 1L : 0);
            joined.append(i == 0 ? "" : text).append(item);
        }
        return str(joined.toString());
    }

    private Value replace() {
        Bound bound = arguments.bind(name, rendering, "old", "new", "count");
        String with = bound.text("new");
        return str(replace(
                text,
                bound.text("old"),
                markup ? Markup.escape(with, rendering) : with,
                bound.integer("count", -1),
                rendering));
    }

    static String replace(String text, String old, String with, int count, Rendering rendering) {
        StringBuilder out = new StringBuilder();
        int start = 0;
        int left = count < 0 ? Integer.MAX_VALUE : count;
        int found = CodePoints.find(text, old, 0);
        while (found >= 0 && left-- > 0) {
            rendering.step();
            rendering.scan(old.length() > 32 ? 4L * old.length() : 0);
            rendering.text(with.length());
            rendering.text(out.length() + with.length() > Rendering.MAX_TEXT ? Rendering.MAX_TEXT + 1L : 0);
            out.append(text, start, found).append(with);
            start = found + old.length();
            if (old.isEmpty()) {
                if (found >= text.length()) {
                    break;
                }
                int next = text.offsetByCodePoints(found, 1);
                out.append(text, found, next);
                start = next;
                found = next;
            } else {
                found = CodePoints.find(text, old, start);
            }
        }
        out.append(text, Math.min(start, text.length()), text.length());
        rendering.text(out.length());
        return out.toString();
    }

    /** The part of the text that optional start and end leave; null where start lies beyond the end. */
    private @Nullable String part(Bound bound) {
        Value start = bound.get("start", None.NONE);
        Value end = bound.get("end", None.NONE);
        if (!(start instanceof None) && Numbers.index(start, rendering) > CodePoints.length(text)) {
            return null;
        }
        return ((Str) Subscripts.slice(new Str(text), start, end, null, rendering)).text();
    }

    private Value affix() {
        Bound bound = arguments.bind(name, rendering, "affix", "start", "end");
        @Nullable String part = part(bound);
        List<Value> affixes =
                bound.get("affix") instanceof Tuple(var several, var _) ? several : List.of(bound.get("affix"));
        boolean any = false;
        for (Value affix : affixes) {
            if (!(affix instanceof Str(String candidate, var _))) {
                throw rendering.error(name + " first arg must be str or a tuple of str, not " + affix.type());
            }
            rendering.scan(candidate.length());
            any |= part != null && (name.equals("startswith") ? part.startsWith(candidate) : part.endsWith(candidate));
        }
        return Bool.of(any);
    }

    private Value find() {
        Bound bound = arguments.bind(name, rendering, "sub", "start", "end");
        String needle = bound.text("sub");
        @Nullable String part = part(bound);
        int found = part == null
                ? -1
                : name.startsWith("r")
                        ? CodePoints.findLast(part, needle, part.length())
                        : CodePoints.find(part, needle, 0);
        if (found < 0 || part == null) {
            if (name.endsWith("index")) {
                throw rendering.error("substring not found");
            }
            return Int.of(-1);
        }
        int skipped = 0;
        if (!(bound.get("start", None.NONE) instanceof None)) {
            int start = bound.integer("start", 0);
            skipped = start < 0 ? Math.max(0, start + CodePoints.length(text)) : start;
        }
        return Int.of((long) skipped + part.codePointCount(0, found));
    }

    private Value count() {
        Bound bound = arguments.bind(name, rendering, "sub", "start", "end");
        String needle = bound.text("sub");
        @Nullable String part = part(bound);
        if (part == null) {
            return Int.of(0);
        }
        if (needle.isEmpty()) {
            return Int.of(CodePoints.length(part) + 1L);
        }
        int count = 0;
        for (int at = CodePoints.find(part, needle, 0);
                at >= 0;
                at = CodePoints.find(part, needle, at + needle.length())) {
            step(needle.length());
            count++;
        }
        return Int.of(count);
    }

    private Value expandTabs() {
        int size = arguments.bind(name, rendering, "tabsize").integer("tabsize", 8);
        StringBuilder out = new StringBuilder();
        int column = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\t') {
                int spaces = size <= 0 ? 0 : size - column % size;
                rendering.text((long) out.length() + spaces > Rendering.MAX_TEXT ? Rendering.MAX_TEXT + 1L : spaces);
                out.repeat(' ', spaces);
                column += spaces;
            } else {
                out.append(c);
                column = c == '\n' || c == '\r' ? 0 : column + (Character.isLowSurrogate(c) ? 0 : 1);
            }
        }
        return str(out.toString());
    }

    private Value partition() {
        String separator = one();
        if (separator.isEmpty()) {
            throw rendering.error("empty separator");
        }
        boolean last = name.equals("rpartition");
        int found = last ? CodePoints.findLast(text, separator, text.length()) : CodePoints.find(text, separator, 0);
        if (found < 0) {
            return new Tuple(last ? List.of(str(""), str(""), str(text)) : List.of(str(text), str(""), str("")));
        }
        return new Tuple(List.of(
                str(text.substring(0, found)), str(separator), str(text.substring(found + separator.length()))));
    }

    private Value pad() {
        Bound bound = arguments.bind(name, rendering, "width", "fillchar");
        int missing = Numbers.index(bound.get("width"), rendering) - CodePoints.length(text);
        if (missing <= 0) {
            return str(text);
        }
        rendering.text(missing);
        String fill = bound.find("fillchar") == null ? " " : bound.text("fillchar");
        if (CodePoints.length(fill) != 1) {
            throw rendering.error("the fill character must be exactly one character long");
        }
        int width = missing + CodePoints.length(text);
        int left = switch (name) {
            case "ljust" -> 0;
            case "center" -> missing / 2 + (missing & width & 1);
            default -> missing;
        };
        if (name.equals("zfill")) {
            boolean signed = text.startsWith("-") || text.startsWith("+");
            return str((signed ? text.substring(0, 1) : "") + "0".repeat(left) + text.substring(signed ? 1 : 0));
        }
        return str(fill.repeat(left) + text + fill.repeat(missing - left));
    }
}
