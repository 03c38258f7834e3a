package io.github.dpo4j.data;

/** Makes an example of a row. */
@FunctionalInterface
interface RowParser<T> {
    Parsed<T> parse(Origin origin, RowColumns row) throws BadRowException;

    /** The example, and whether it came from an HH transcript that parts before its last turn. */
    record Parsed<T>(T example, boolean diverged) {
        static <T> Parsed<T> of(T example) {
            return new Parsed<>(example, false);
        }
    }
}
