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
    /** Returns the logps of the batch's 2B sequences, chosen first, without gradient, float32 [2B]. */
    Tensor sums(PreferenceBatch batch);

    /** A frozen model, run on every batch. */
    record Live(CausalLm reference) implements ReferenceLogps {
        @Override
        public Tensor sums(PreferenceBatch batch) {
            try (TensorScope scope = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                return scope.keep(TokenLogps.sums(reference, batch.tokens()));
            }
        }
    }

    /** No reference: its logps are 0 (reference_free). */
    record None(Device device) implements ReferenceLogps {
        @Override
        public Tensor sums(PreferenceBatch batch) {
            return Tensors.zeros(device, ScalarType.Float, 2L * batch.size());
        }
    }
}
