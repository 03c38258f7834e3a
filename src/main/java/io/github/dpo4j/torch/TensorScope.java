package io.github.dpo4j.torch;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Owns every native object made on this thread between its creation and its {@link #close}: tensors, scalars, vectors. Scopes
 * nest; a tensor outlives its scope only through {@link #keep}, which hands it to the scope outside.
 */
public final class TensorScope implements AutoCloseable {
    private final @Nullable PointerScope outer;
    private final PointerScope scope;

    public TensorScope() {
        NativeLibrary.load();
        PointerScope innermost = PointerScope.getInnerScope();
        this.outer = innermost;
        this.scope = new PointerScope();
    }

    /** Moves {@code tensor} to the scope outside this one and returns it; without one it lives until the process ends. */
    public Tensor keep(Tensor tensor) {
        if (outer == null) {
            tensor.retainReference();
        } else {
            outer.attach(tensor);
        }
        scope.detach(tensor);
        return tensor;
    }

    @Override
    public void close() {
        scope.close();
    }
}
