package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Columns;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.model.lora.LowRank;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.lang.foreign.MemorySegment;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** The trained lengths of the rows of W + s B A (DoRA, Liu et al. 2024, arXiv 2402.09353, Eq. 5; the rows' own get no gradient). */
final class Lengths {
    private static final int ROWS_AT_A_TIME = 128;

    private final LowRank lowRank;
    private final Tensor outIn;
    private final Parameters parameters;
    private final MemorySegment magnitude;
    private final @Nullable MemorySegment gradient;
    /** The rows' own lengths, as of {@link #version}. */
    private final float[] own;

    private long version = -1;

    /**
     * Begins with lengths that are made when they are asked for.
     *
     * @param outIn the frozen weight, [out, in]
     * @param parameters the adapter's
     * @param magnitude the lengths that rows get, float32 [out]
     * @param gradient float32 [out]; null for a frozen adapter
     */
    Lengths(
            LowRank lowRank,
            Tensor outIn,
            Parameters parameters,
            MemorySegment magnitude,
            @Nullable MemorySegment gradient) {
        this.lowRank = lowRank;
        this.outIn = outIn;
        this.parameters = parameters;
        this.magnitude = magnitude;
        this.gradient = gradient;
        this.own = new float[Math.toIntExact(outIn.size(0))];
    }

    /** Returns trained length / own length of each row. */
    float[] factors(Team team) {
        long now = parameters.isTrainable() ? parameters.version() : 0;
        if (version != now) {
            team.run(Math.ceilDiv(own.length, ROWS_AT_A_TIME), (number, _) -> {
                int from = number * ROWS_AT_A_TIME;
                int rows = Math.min(ROWS_AT_A_TIME, own.length - from);
                try (TensorScope _ = new TensorScope()) {
                    float[] some = Tensors.toFloats(lowRank.rows(from, rows).rowNorms(outIn.narrow(0, from, rows)));
                    System.arraycopy(some, 0, own, from, rows);
                }
            });
            version = now;
        }
        return Columns.quotients(magnitude, own);
    }

    /** Adds the sums over tokens of gradient x row's value to the lengths' gradient, divided by the rows' own lengths. */
    void addGradient(Columns.Sums sums, boolean overwrite) {
        if (gradient != null) {
            sums.addQuotients(own, gradient, overwrite);
        }
    }
}
