package io.github.dpo4j.report;

/**
 * One number of a logged step, under TRL's name for it ({@code loss}, {@code rewards/chosen}, ...).
 *
 * @param value in the unit that the name's suffix says; NaN and the infinities are "no number" and become null in JSON
 */
public record Metric(String name, double value) {
    /** 2^53: below it a double holds every whole number exactly. */
    private static final double EXACT = 0x1p53;

    public Metric {
        if (name.isBlank()) {
            throw new IllegalArgumentException("A metric needs a name.");
        }
    }

    /** Whether it counts things ({@code num_tokens}), so that JSON shows 512 and not 512.0. */
    boolean isCount() {
        boolean named = name.startsWith("num_") || name.endsWith("_bytes") || name.endsWith("_nanos");
        return named && Math.rint(value) == value && Math.abs(value) < EXACT;
    }
}
