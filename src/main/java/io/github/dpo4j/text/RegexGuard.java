package io.github.dpo4j.text;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;

/**
 * Finds regular expressions that a backtracking engine may search for exponential time: a repeated group that can match the same
 * text in several ways, because something is repeated within it or because two of its alternatives may begin alike. The
 * patterns that split words for language models have no such group.
 */
final class RegexGuard {
    /** A group that is open: whether it may match in several ways, and how its alternatives begin. */
    private static final class Group {
        final boolean atomic;
        boolean ambiguous;
        boolean alternatives;
        boolean beginning = true;
        boolean unclearBeginning;
        final Set<Character> beginnings = new HashSet<>();

        Group(boolean atomic) {
            this.atomic = atomic;
        }

        void begins(char c, boolean literal) {
            if (beginning) {
                unclearBeginning |= !literal || !beginnings.add(c);
                beginning = false;
            }
        }

        boolean isAmbiguous() {
            return !atomic && (ambiguous || (alternatives && unclearBeginning));
        }
    }

    private final String regex;
    private final Deque<Group> open = new ArrayDeque<>();
    private int at;

    private RegexGuard(String regex) {
        this.regex = regex;
        open.push(new Group(false));
    }

    static boolean mayTakeForever(String regex) {
        return new RegexGuard(regex).search();
    }

    private boolean search() {
        while (at < regex.length()) {
            boolean ambiguous = false;
            char c = regex.charAt(at);
            switch (c) {
                case '\\' -> {
                    at += 2;
                    // \p{L} and its like: the name is not read as a repetition
                    if (at < regex.length()
                            && regex.charAt(at) == '{'
                            && "pPxuUokg".indexOf(regex.charAt(at - 1)) >= 0) {
                        at = Math.max(at, regex.indexOf('}', at)) + 1;
                    }
                    innermost().begins(c, false);
                }
                case '[' -> {
                    set();
                    innermost().begins(c, false);
                }
                case '(' -> {
                    innermost().begins(c, false);
                    open.push(new Group(regex.startsWith("(?>", at)));
                    at++;
                    prefix();
                    continue;
                }
                case ')' -> {
                    at++;
                    Group closed = open.size() > 1 ? open.pop() : new Group(false);
                    ambiguous = closed.isAmbiguous();
                    innermost().ambiguous |= ambiguous;
                }
                case '|' -> {
                    innermost().alternatives = true;
                    innermost().beginning = true;
                    at++;
                    continue;
                }
                default -> {
                    innermost().begins(c, c != '.');
                    at++;
                }
            }
            if (unboundedRepetition()) {
                if (ambiguous) {
                    return true;
                }
                innermost().ambiguous = true;
            }
        }
        return false;
    }

    private Group innermost() {
        return open.getFirst();
    }

    /** What stands behind an opening parenthesis: ?:, ?=, ?i:, ?&lt;name&gt; and the like. */
    private void prefix() {
        if (at < regex.length() && regex.charAt(at) == '?') {
            at++;
            while (at < regex.length()
                    && (Character.isLetter(regex.charAt(at)) || "-<>!=:'".indexOf(regex.charAt(at)) >= 0)) {
                boolean end = ":>=!".indexOf(regex.charAt(at)) >= 0;
                at++;
                if (end) {
                    return;
                }
            }
        }
    }

    private void set() {
        int depth = 0;
        do {
            char c = regex.charAt(at);
            depth += c == '[' ? 1 : c == ']' ? -1 : 0;
            at += c == '\\' ? 2 : 1;
        } while (depth > 0 && at < regex.length());
    }

    /** Reads a repetition if one comes next; a possessive one gives nothing back and so is no choice. */
    private boolean unboundedRepetition() {
        boolean unbounded = false;
        if (at < regex.length() && "*+?".indexOf(regex.charAt(at)) >= 0) {
            unbounded = regex.charAt(at) != '?';
            at++;
        } else if (at < regex.length() && regex.charAt(at) == '{') {
            int end = regex.indexOf('}', at);
            String bounds = end < 0 ? "" : regex.substring(at + 1, end);
            if (!bounds.matches("\\d*,?\\d*") || bounds.isEmpty()) {
                return false;
            }
            unbounded = bounds.endsWith(",") || bounds.matches(".*\\d{3}");
            at = end + 1;
        } else {
            return false;
        }
        if (at < regex.length() && regex.charAt(at) == '+') {
            at++;
            return false;
        }
        if (at < regex.length() && regex.charAt(at) == '?') {
            at++;
        }
        return unbounded;
    }
}
