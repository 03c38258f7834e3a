package io.github.dpo4j.logprob;

import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Where the reference's logps come from. */
public sealed interface ReferenceLogps {
    /** Returns the logps of the batch's scored sequences, in their order, without gradient, float32 [N]; of pairs N = 2B. */
    Tensor sums(PreferenceBatch batch);

    /** Returns log p of each scored token, in the order of the batch's pack, without gradient, float32 [S]. */
    Tensor tokenLogps(PreferenceBatch batch);

    /** A frozen model, run on every batch. */
    record Live(CausalLm reference) implements ReferenceLogps {
        @Override
        public Tensor sums(PreferenceBatch batch) {
            try (TensorScope scope = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                return scope.keep(TokenLogps.sums(reference, batch.tokens()));
            }
        }

        @Override
        public Tensor tokenLogps(PreferenceBatch batch) {
            try (TensorScope scope = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                return scope.keep(TokenLogps.of(reference, batch.tokens()));
            }
        }
    }

    /** What a frozen model gave earlier; the model itself is not loaded. The sums are made as {@link Live} makes them. */
    record Stored(StoredLogps logps, Device device) implements ReferenceLogps {
        @Override
        public Tensor sums(PreferenceBatch batch) {
            try (TensorScope scope = new TensorScope()) {
                return scope.keep(
                        TokenLogps.sums(tokenLogps(batch), batch.tokens().scoredCounts(), device));
            }
        }

        @Override
        public Tensor tokenLogps(PreferenceBatch batch) {
            return Tensors.ofFloats(logps.of(batch), device);
        }
    }

    /** No reference: its logps are 0 (reference_free). */
    record None(Device device) implements ReferenceLogps {
        @Override
        public Tensor sums(PreferenceBatch batch) {
            return Tensors.zeros(device, ScalarType.Float, batch.tokens().scoredCounts().length);
        }

        @Override
        public Tensor tokenLogps(PreferenceBatch batch) {
            return Tensors.zeros(device, ScalarType.Float, batch.tokens().scored());
        }
    }
}
