package io.github.dpo4j.model;

/**
 * How large a model's weights are, known without reading them.
 *
 * @param matrices elements of all matrices in a flat buffer, which rounds each up to where the next one may start
 * @param vectors the same of biases and norm weights
 * @param largest elements of the largest tensor
 * @param layered elements of the matrices that belong to layers
 * @param largestLayer of those, the elements of the layer with most
 * @param fileBytes of all tensors as the files hold them
 */
public record WeightCounts(long matrices, long vectors, long largest, long layered, long largestLayer, long fileBytes) {
    /** Returns the elements of a buffer for their gradients. */
    public long gradients(GradientStorage storage) {
        return switch (storage) {
            case WHOLE -> all();
            case BY_LAYER -> all() - layered + largestLayer;
        };
    }

    /** Returns the elements of a flat buffer for all of them. */
    public long all() {
        return matrices + vectors;
    }
}
