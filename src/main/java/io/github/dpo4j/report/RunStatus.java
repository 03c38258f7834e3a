package io.github.dpo4j.report;

import java.util.Locale;

/** Where a run stands. A run.json that still says running, with no process behind it, was killed. */
public enum RunStatus {
    RUNNING,
    FINISHED,
    /** By a signal or by the user, after a checkpoint. */
    STOPPED,
    FAILED;

    /** Returns the word that run.json and the report show. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
