package io.github.dpo4j.model;

import io.github.dpo4j.safetensors.TensorSpec;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Where weights come from: which there are, and how each is put into its place. */
public interface WeightSource {
    /** Returns the tensors outside layers, then each layer's. */
    List<List<TensorSpec>> parts();

    /** Fills {@code target}, which has the tensor's shape and any type of floats. */
    void fill(TensorSpec tensor, Tensor target);
}
