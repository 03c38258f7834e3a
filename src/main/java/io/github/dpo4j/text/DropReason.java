package io.github.dpo4j.text;

/** Why an example is left out of training although its row was fine. */
public enum DropReason {
    PROMPT_TOO_LONG("prompt fills the length"),
    NO_PROMPT_TOKEN("no common first token to condition on"),
    COMPLETION_EMPTY("nothing left to score"),
    COMPLETIONS_IDENTICAL("completions identical once cut");

    private final String words;

    DropReason(String words) {
        this.words = words;
    }

    @Override
    public String toString() {
        return words;
    }
}
