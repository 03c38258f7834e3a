package io.github.dpo4j.data;

/** A row that was left out: where it is, why in one sentence, and its text (bytes that are not UTF-8 appear as U+FFFD). */
public record BadRow(Origin origin, String reason, String raw) {
    @Override
    public String toString() {
        return origin + ": " + reason;
    }
}
