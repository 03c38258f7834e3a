package io.github.dpo4j.kernel;

/**
 * One thread's share of a kernel's work: the rows [from, to), and that thread's scratch. A kernel leaves all other rows
 * alone, so the threads of a {@link Team} can run one kernel after the other on their own rows without waiting for each other.
 */
public record Part(int from, int to, Scratch scratch) {
    public int rows() {
        return to - from;
    }

    /** Returns the part's rows below {@code end}: a product may have computed more rows than there are. */
    public Part below(int end) {
        return to <= end ? this : new Part(from, Math.max(from, end), scratch);
    }
}
