package io.github.dpo4j.model.lora;

import io.github.dpo4j.model.LinearModule;
import io.github.dpo4j.safetensors.DType;
import io.github.dpo4j.safetensors.TensorSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * The adapter of one linear layer.
 *
 * @param scale what B A x is multiplied with
 * @param dora whether rows have a length of their own
 */
public record LoraModule(LinearModule linear, int rank, double scale, boolean dora) {
    private static final String A = ".lora_A.weight";
    private static final String B = ".lora_B.weight";
    private static final String MAGNITUDE = ".lora_magnitude_vector";

    /** Returns the name of A, [rank, in]. */
    public static String a(String module) {
        return module + A;
    }

    /** Returns the name of B, [out, rank]. */
    public static String b(String module) {
        return module + B;
    }

    /** Returns the name of the rows' lengths, [out]. */
    public static String magnitude(String module) {
        return module + MAGNITUDE;
    }

    public static boolean isMagnitude(String tensor) {
        return tensor.endsWith(MAGNITUDE);
    }

    /** Returns the module that a tensor of an adapter belongs to, or the tensor's own name where it is no adapter's. */
    static String moduleOf(String tensor) {
        for (String ending : List.of(A, B, MAGNITUDE)) {
            if (tensor.endsWith(ending)) {
                return tensor.substring(0, tensor.length() - ending.length());
            }
        }
        return tensor;
    }

    List<TensorSpec> tensors() {
        List<TensorSpec> tensors = new ArrayList<>();
        tensors.add(new TensorSpec(a(linear.name()), DType.F32, rank, linear.in()));
        tensors.add(new TensorSpec(b(linear.name()), DType.F32, linear.out(), rank));
        if (dora) {
            tensors.add(new TensorSpec(magnitude(linear.name()), DType.F32, linear.out()));
        }
        return tensors;
    }
}
