package io.github.dpo4j.data;

import io.github.dpo4j.data.RowSource.RawRow;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/** Rows are lines; blank ones are passed over but counted, so that line numbers are those of an editor. */
final class LineCutter implements RowSource.Cutter {
    private final InputStream in;
    private final RowBuffer buffer;
    private long line;

    LineCutter(InputStream in, int maxRowBytes) {
        this.in = in;
        buffer = new RowBuffer(maxRowBytes);
    }

    @Override
    public @Nullable RawRow next() throws IOException {
        while (true) {
            line++;
            buffer.clear();
            int next = in.read();
            if (next < 0) {
                return null;
            }
            while (next >= 0 && next != '\n') {
                buffer.add(next);
                next = in.read();
            }
            if (!buffer.isBlank()) {
                return buffer.row(line);
            }
        }
    }
}
