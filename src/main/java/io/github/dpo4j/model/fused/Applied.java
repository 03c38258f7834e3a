package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Part;

/** A product in one pass. */
record Applied(Product product) {
    static Applied of(PassContext pass, Product product) {
        return new Applied(product);
    }

    /** Fills the part's rows of y. */
    void forward(Part part, Matrix x, Matrix y) {
        product.forward(part, x, y);
    }

    void beginBackward() {}

    /** dx = dy W, or dx += dy W, in the part's rows. */
    void inputGradient(Part part, Matrix dy, Matrix dx, boolean add) {
        product.inputGradient(part, dy, dx, add);
    }

    /** Adds the gradients of the weights to what is to be made. */
    void addWeights(WeightGradients weights, Matrix dy, Matrix x) {
        weights.add(product, dy, x);
    }
}
