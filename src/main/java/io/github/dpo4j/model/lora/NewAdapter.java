package io.github.dpo4j.model.lora;

import io.github.dpo4j.kernel.Chance;
import io.github.dpo4j.model.Linear;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.safetensors.TensorSpec;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The first weights of an adapter that changes nothing yet, as PEFT makes them: A uniform within 1 / sqrt(in), B zero, and the
 * lengths of rows as they are.
 *
 * @param base the model's weights, in which {@code layout} linear layers lie
 */
public record NewAdapter(Adapter adapter, Parameters base, Linear.Layout layout, long seed) {
    /** Fills a tensor of the adapter's own; false for one that begins as the base's. */
    public boolean fill(TensorSpec tensor, Tensor target) {
        String module = LoraModule.moduleOf(tensor.name());
        if (tensor.name().equals(LoraModule.a(module))) {
            uniform(tensor, target);
        } else if (tensor.name().equals(LoraModule.b(module))) {
            target.zero_();
        } else if (tensor.name().equals(LoraModule.magnitude(module))) {
            lengths(module, target);
        } else {
            return false;
        }
        return true;
    }

    /** A tensor's numbers are its own, whatever other tensors there are. */
    private void uniform(TensorSpec tensor, Tensor target) {
        SplittableRandom random =
                new SplittableRandom(Chance.mix(seed, tensor.name().hashCode()));
        double bound = 1 / Math.sqrt(tensor.shape().getLast());
        float[] values = new float[Math.toIntExact(tensor.elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) ((2 * random.nextDouble() - 1) * bound);
        }
        try (TensorScope _ = new TensorScope()) {
            target.copy_(Tensors.ofFloats(values, base.device()).view(Tensors.shape(target)));
        }
    }

    private void lengths(String module, Tensor target) {
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            Tensor outIn = layout.outIn(base.weight(module + ".weight")).to(ScalarType.Float);
            target.copy_(torch.norm(outIn, new ScalarOptional(new Scalar(2.0)), 1));
        }
    }
}
