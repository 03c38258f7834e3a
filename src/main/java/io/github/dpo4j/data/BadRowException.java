package io.github.dpo4j.data;

/** Says in one sentence why a row cannot be used; DatasetReader adds file and line. */
final class BadRowException extends Exception {
    private static final long serialVersionUID = 1L;

    BadRowException(String reason) {
        super(reason, null, false, false);
    }

    String reason() {
        return String.valueOf(getMessage());
    }
}
