package io.github.dpo4j.data;

import io.github.dpo4j.data.RowSource.RawRow;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * Rows are the elements of one JSON array. Elements are cut by brackets and strings alone and parsed later, so that a bad
 * one (invalid UTF-8, a wrong number) costs only itself and the rows around it are still read.
 */
final class ArrayCutter implements RowSource.Cutter {
    private final InputStream in;
    private final RowBuffer buffer;
    private long element;
    private boolean ended;

    ArrayCutter(InputStream in, int maxRowBytes) throws IOException {
        this.in = in;
        buffer = new RowBuffer(maxRowBytes);
        int first = in.read();
        while (RowSource.isBlank(first)) {
            first = in.read();
        }
        if (first != '[') {
            throw new IOException("no array starts here");
        }
    }

    @Override
    public @Nullable RawRow next() throws IOException {
        if (ended) {
            return null;
        }
        buffer.clear();
        int depth = 0;
        boolean inString = false;
        boolean escaped = false;
        while (true) {
            int next = in.read();
            if (next < 0) {
                throw new EOFException("the JSON array has no closing bracket");
            }
            if (inString) {
                inString = escaped || next != '"';
                escaped = !escaped && next == '\\';
            } else if (next == '"') {
                inString = true;
            } else if (depth == 0 && (next == ',' || next == ']')) {
                ended = next == ']';
                break;
            } else if (next == '{' || next == '[') {
                depth++;
            } else if (next == '}' || next == ']') {
                depth--;
            }
            buffer.add(next);
        }
        if (ended) {
            requireNothingMore();
            if (element == 0 && buffer.isBlank()) {
                return null;
            }
        }
        element++;
        return buffer.row(element);
    }

    private void requireNothingMore() throws IOException {
        int next = in.read();
        while (RowSource.isBlank(next)) {
            next = in.read();
        }
        if (next >= 0) {
            throw new IOException("there is more text after the JSON array");
        }
    }
}
