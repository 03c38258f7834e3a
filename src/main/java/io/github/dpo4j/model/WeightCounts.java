package io.github.dpo4j.model;

/**
 * How large a model's weights are, known without reading them.
 *
 * @param matrices elements of all matrices in a flat buffer, which rounds each up to where the next one may start
 * @param vectors the same of biases and norm weights
 * @param largest elements of the largest tensor
 * @param fileBytes of all tensors as the files hold them
 */
public record WeightCounts(long matrices, long vectors, long largest, long fileBytes) {
    /** Returns the elements of a flat buffer for all of them. */
    public long all() {
        return matrices + vectors;
    }
}
