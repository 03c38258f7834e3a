package io.github.dpo4j.data;

/** What to do with a row that cannot be used. */
public enum OnBadRow {
    /** Stop at the first one with its file, line and reason. */
    FAIL,
    /** Leave it out, count it and write it to a side file with its reason. */
    SKIP
}
