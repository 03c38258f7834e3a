package io.github.dpo4j.torch;

/** Reads libtorch's exceptions, which carry one useful line and then thousands of characters of C++ frames. */
public final class TorchError {
    private TorchError() {}

    /** Returns the first line of the message, or the exception's name where it has none. */
    public static String firstLine(Throwable error) {
        String message = error.getMessage();
        if (message == null || message.isBlank()) {
            return error.getClass().getSimpleName();
        }
        return message.strip().lines().findFirst().orElse("");
    }

    /** True where libtorch could not get memory from the machine or the GPU. */
    public static boolean isOutOfMemory(Throwable error) {
        String message = error.getMessage();
        return error instanceof OutOfMemoryError
                || (message != null
                        && (message.contains("not enough memory")
                                || message.contains("out of memory")
                                || message.contains("can't allocate memory")));
    }
}
