package io.github.dpo4j.safetensors;

import java.util.List;

/**
 * A tensor of an open file, as its validated header describes it.
 *
 * @param shape empty for a scalar; a dimension may be 0
 * @param begin first byte, counted from the start of the file's data section
 * @param end one past the last byte; {@code end - begin} is always elements times {@code dtype.bytes()}
 */
public record TensorInfo(String name, DType dtype, List<Long> shape, long begin, long end) {
    public TensorInfo {
        shape = List.copyOf(shape);
    }

    public long elements() {
        return TensorSpec.elements(shape);
    }

    public long bytes() {
        return end - begin;
    }

    /** The tensor without its place, for a writer. */
    public TensorSpec spec() {
        return new TensorSpec(name, dtype, shape);
    }
}
