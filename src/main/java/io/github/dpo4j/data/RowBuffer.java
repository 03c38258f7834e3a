package io.github.dpo4j.data;

import io.github.dpo4j.data.RowSource.RawRow;
import java.util.Arrays;

/** Collects the bytes of one row, and of a row over the limit only as many as an excerpt needs. */
final class RowBuffer {
    private static final int EXCERPT_BYTES = 1 << 10;

    private final int limit;
    private byte[] bytes = new byte[1 << 12];
    private int length;
    private boolean tooLong;

    RowBuffer(int limit) {
        this.limit = limit;
    }

    void clear() {
        length = 0;
        tooLong = false;
    }

    void add(int value) {
        if (length == limit) {
            tooLong = true;
            return;
        }
        if (length == bytes.length) {
            bytes = Arrays.copyOf(bytes, (int) Math.min(limit, 2L * length));
        }
        bytes[length++] = (byte) value;
    }

    boolean isBlank() {
        for (int i = 0; i < length; i++) {
            if (!RowSource.isBlank(bytes[i])) {
                return false;
            }
        }
        return true;
    }

    RawRow row(long line) {
        return new RawRow(line, Arrays.copyOf(bytes, tooLong ? Math.min(length, EXCERPT_BYTES) : length), tooLong);
    }
}
