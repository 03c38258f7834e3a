package io.github.dpo4j.text.jinja;

import java.time.Clock;

/**
 * One run of a template: its clock, the line it is at, and what it may still spend. A template comes with a model from anywhere,
 * so everything that costs time or memory is charged here, and a hostile one ends in an error instead of a hang.
 */
final class Rendering {
    /** The most characters of any one text, the output included. */
    static final int MAX_TEXT = 4_000_000;
    /** Python's own limit on the digits of a number that is printed. */
    static final int MAX_DIGITS = 4300;

    static final int MAX_DEPTH = 400;
    private static final long MAX_WORK = 64L << 20;
    /** What a long conversation may cost: templates that add each turn to a text copy what came before. */
    private static final long MAX_WORK_OF_LONG = 256L << 20;

    private static final int WORK_A_BYTE_OF_INPUT = 128;
    private static final int STEP = 24;

    private final Clock clock;
    private long work;
    private long most = MAX_WORK;
    private int depth;
    private int line = 1;

    Rendering(Clock clock) {
        this.clock = clock;
    }

    Clock clock() {
        return clock;
    }

    void at(int line) {
        this.line = line;
    }

    TemplateException error(String message) {
        return TemplateException.at(line, message);
    }

    TemplateException raised(String message) {
        return TemplateException.raised(line, message);
    }

    /** Says that all work so far was reading the variables: much to read may cost much. */
    void inputIsRead() {
        most = Math.min(MAX_WORK_OF_LONG, MAX_WORK + WORK_A_BYTE_OF_INPUT * work);
    }

    /** One statement, expression or item. */
    void step() {
        spend(STEP);
    }

    /** Going over this many characters or items without keeping them. */
    void scan(long size) {
        spend(size / 8 + 1);
    }

    /** A number computed of numbers with this many bits in all; those of some thousand digits take many copies. */
    void number(long bits) {
        spend(64 + 3 * bits);
    }

    /** Work that makes this many bytes that nothing else here stands for. */
    void bytes(long bytes) {
        spend(bytes);
    }

    /** Making a text of this many characters. */
    void text(long length) {
        if (length > MAX_TEXT) {
            throw error("a text of over " + MAX_TEXT + " characters");
        }
        spend(2 * length + 2 * STEP);
    }

    /** Making a list or the like of this many items. */
    void items(long size) {
        spend(8 * size + 2 * STEP);
    }

    /** The work is about the bytes that a rendering may allocate in all. */
    private void spend(long bytes) {
        work += bytes;
        if (work > most) {
            throw error("the template does more work than any chat needs; is there an endless loop or a huge text?");
        }
    }

    void enter() {
        if (++depth > MAX_DEPTH) {
            throw error("calls or values nest deeper than " + MAX_DEPTH);
        }
        step();
    }

    void exit() {
        depth--;
    }
}
