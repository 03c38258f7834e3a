package io.github.dpo4j.text;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
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
        /** Unbounded repetitions one after the other, with nothing between them that must be there. */
        int inARow;

        int mostInARow;

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

        void endAlternative() {
            mostInARow = Math.max(mostInARow, inARow);
            inARow = 0;
        }

        /** Takes note of what stands in the row now; {@code within} are those in a row within a group, -1 for no group. */
        void follow(Repetition repetition, int within) {
            switch (repetition) {
                case UNBOUNDED -> inARow++;
                case VARYING -> inARow += Math.max(0, within);
                case FIXED -> inARow = within < 0 ? 0 : inARow + within;
            }
        }

        boolean isAmbiguous() {
            return !atomic && (ambiguous || (alternatives && unclearBeginning));
        }
    }

    private final String regex;
    private final Deque<Group> open = new ArrayDeque<>();
    private int at;

    /** Words of letters with their marks: each pass begins with a letter, which is no mark, so nothing is ambiguous. */
    private static final List<String> KNOWN = List.of("(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+", "(?:\\p{L}\\p{M}*)+");

    /** So many repetitions in a row take time with that power of the text's length. */
    private static final int MOST_IN_A_ROW = 2;

    private RegexGuard(String regex) {
        this.regex = regex;
        open.push(new Group(false));
    }

    static boolean mayTakeForever(String regex) {
        String plain = regex;
        for (String known : KNOWN) {
            plain = plain.replace(known, "\\p{L}+");
        }
        return new RegexGuard(plain).search();
    }

    private boolean search() {
        while (at < regex.length()) {
            boolean ambiguous = false;
            int within = -1;
            char c = regex.charAt(at);
            switch (c) {
                case '\\' -> {
                    if (at + 1 < regex.length() && regex.charAt(at + 1) >= '1' && regex.charAt(at + 1) <= '9') {
                        return true; // what a group has matched, again
                    }
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
                    within = Math.max(closed.mostInARow, closed.inARow);
                }
                case '|' -> {
                    innermost().alternatives = true;
                    innermost().beginning = true;
                    innermost().endAlternative();
                    at++;
                    continue;
                }
                default -> {
                    innermost().begins(c, c != '.');
                    at++;
                }
            }
            Repetition repetition = repetition();
            boolean repeated = repetition == Repetition.UNBOUNDED;
            if (repeated && ambiguous) {
                return true;
            }
            innermost().ambiguous |= repetition != Repetition.FIXED;
            innermost().follow(repetition, within);
            if (innermost().inARow > MOST_IN_A_ROW) {
                return true;
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

    /** How often what stands before it may come. */
    private enum Repetition {
        /** Always as often, or possessive, which gives nothing back: no choice. */
        FIXED,
        /** A few times more or less. */
        VARYING,
        UNBOUNDED
    }

    /** Reads a repetition if one comes next. */
    private Repetition repetition() {
        Repetition found;
        if (at < regex.length() && "*+?".indexOf(regex.charAt(at)) >= 0) {
            found = regex.charAt(at) == '?' ? Repetition.VARYING : Repetition.UNBOUNDED;
            at++;
        } else if (at < regex.length() && regex.charAt(at) == '{') {
            int end = regex.indexOf('}', at);
            String bounds = end < 0 ? "" : regex.substring(at + 1, end);
            if (!bounds.matches("\\d*,?\\d*") || bounds.isEmpty()) {
                return Repetition.FIXED;
            }
            boolean many = bounds.endsWith(",") || bounds.matches(".*\\d{2}");
            boolean varying = bounds.contains(",") && !bounds.matches("(\\d+),\\1");
            found = many ? Repetition.UNBOUNDED : varying ? Repetition.VARYING : Repetition.FIXED;
            at = end + 1;
        } else {
            return Repetition.FIXED;
        }
        if (at < regex.length() && regex.charAt(at) == '+') {
            at++;
            return Repetition.FIXED;
        }
        if (at < regex.length() && regex.charAt(at) == '?') {
            at++;
        }
        return found;
    }
}
