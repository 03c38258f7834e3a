package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The non-linearity of the MLP, by the names that transformers gives them. */
public enum Activation {
    SILU,
    GELU,
    GELU_TANH,
    RELU;

    private static final Map<String, Activation> BY_NAME = Map.of(
            "silu", SILU,
            "swish", SILU,
            "gelu", GELU,
            "gelu_new", GELU_TANH,
            "gelu_fast", GELU_TANH,
            "gelu_pytorch_tanh", GELU_TANH,
            "relu", RELU);

    static Activation of(ModelConfig config, String key, String fallback) {
        String name = config.text(key, fallback);
        Activation activation = BY_NAME.get(name);
        if (activation == null) {
            throw new UserError(config.where(key) + " is '" + name + "'; known activations are "
                    + String.join(", ", BY_NAME.keySet().stream().sorted().toList()));
        }
        return activation;
    }

    Tensor apply(Tensor x) {
        return switch (this) {
            case SILU -> torch.silu(x);
            case GELU -> torch.gelu(x);
            case GELU_TANH -> torch.gelu(x, "tanh");
            case RELU -> torch.clamp_min(x, new Scalar(0.0));
        };
    }
}
