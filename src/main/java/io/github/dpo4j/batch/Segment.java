package io.github.dpo4j.batch;

/**
 * A run of packed tokens [start, start + length) that attends causally to itself and, before that, to all of the prefix
 * [prefixStart, prefixStart + prefixLength): the prompt that a rejected completion shares with the chosen one. Segments lie
 * back to back and cover the whole pack.
 */
public record Segment(int start, int length, int prefixStart, int prefixLength) {
    public static Segment alone(int start, int length) {
        return new Segment(start, length, 0, 0);
    }
}
