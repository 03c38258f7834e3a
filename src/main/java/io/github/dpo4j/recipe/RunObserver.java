package io.github.dpo4j.recipe;

/** Is told how a run goes: a progress bar, a log, or nothing. */
public interface RunObserver {
    /** A fact worth a line, such as what tokenizing dropped. */
    void note(String sentence);

    /** Work of {@code total} units begins, {@code done} of them already done. */
    void begin(String task, long total, long done);

    /** {@code done} units are done; {@code summary} is short, such as the loss. */
    void progress(long done, String summary);

    /** The work that began last has ended. */
    void end();

    /** Says nothing. */
    static RunObserver silent() {
        return new RunObserver() {
            @Override
            public void note(String sentence) {}

            @Override
            public void begin(String task, long total, long done) {}

            @Override
            public void progress(long done, String summary) {}

            @Override
            public void end() {}
        };
    }
}
