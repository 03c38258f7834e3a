package io.github.dpo4j.safetensors;

import java.util.Arrays;
import java.util.List;

/**
 * A tensor to be written: everything about it but its place in the file.
 *
 * @param shape empty for a scalar; a dimension may be 0
 */
public record TensorSpec(String name, DType dtype, List<Long> shape) {
    /** Throws IllegalArgumentException if a dimension is negative or the bytes do not fit a long. */
    public TensorSpec {
        shape = List.copyOf(shape);
        if (shape.stream().anyMatch(dimension -> dimension < 0)) {
            throw new IllegalArgumentException(Words.quoted(name) + " has a negative dimension: " + shape);
        }
        try {
            bytes(dtype, shape);
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(Words.quoted(name) + " is too large: " + shape, e);
        }
    }

    public TensorSpec(String name, DType dtype, long... shape) {
        this(name, dtype, Arrays.stream(shape).boxed().toList());
    }

    public long elements() {
        return elements(shape);
    }

    public long bytes() {
        return bytes(dtype, shape);
    }

    /** The same tensor with elements of {@code floats} if it holds floats; integers and booleans stay what they are. */
    public TensorSpec withFloats(DType floats) {
        return dtype.isFloat() ? new TensorSpec(name, floats, shape) : this;
    }

    /** Throws ArithmeticException where a product leaves the range of long, even if a later dimension is 0. */
    static long elements(List<Long> shape) {
        long elements = 1;
        for (long dimension : shape) {
            elements = Math.multiplyExact(elements, dimension);
        }
        return elements;
    }

    static long bytes(DType dtype, List<Long> shape) {
        return Math.multiplyExact(elements(shape), (long) dtype.bytes());
    }
}
