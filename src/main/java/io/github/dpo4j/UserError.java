package io.github.dpo4j;

/**
 * A mistake of the user's: bad input, a bad setting, a broken model folder. The message is one sentence that says what is
 * wrong, where (file and line where there is one) and what to do; the command line prints it alone and exits with code 2.
 */
public final class UserError extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String sentence;

    public UserError(String sentence) {
        super(sentence);
        this.sentence = sentence;
    }

    public UserError(String sentence, Throwable cause) {
        super(sentence, cause);
        this.sentence = sentence;
    }

    @Override
    public String getMessage() {
        return sentence;
    }
}
