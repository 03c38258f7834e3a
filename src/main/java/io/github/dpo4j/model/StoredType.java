package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import io.github.dpo4j.safetensors.DType;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The tensor type of a safetensors dtype that weights may have. */
final class StoredType {
    private StoredType() {}

    /** Returns the type; throws {@link UserError} that starts with {@code what} for integers. */
    static ScalarType of(DType dtype, String what) {
        return switch (dtype) {
            case F64 -> ScalarType.Double;
            case F32 -> ScalarType.Float;
            case F16 -> ScalarType.Half;
            case BF16 -> ScalarType.BFloat16;
            case I64, I32, I16, I8, U8, BOOL ->
                throw new UserError(what + " has dtype " + dtype
                        + "; weights must be F32, BF16 or F16 (quantised models cannot be tuned)");
        };
    }
}
