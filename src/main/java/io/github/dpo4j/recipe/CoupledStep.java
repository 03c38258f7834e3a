package io.github.dpo4j.recipe;

import io.github.dpo4j.objective.LogRatios;
import io.github.dpo4j.objective.StepCounts;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;

/**
 * The log-ratios of a whole step for a loss that couples its pairs, where memory holds only a pack of them at a time. A first
 * pass without gradient scores all packs. Then each pack's own log-ratios, with gradient, take their places among the others',
 * which are constants: the gradients of all packs add up to that of the whole step.
 */
final class CoupledStep {
    private final DpoObjective objective;
    private final StepCounts counts;
    private final List<int[]> packs;
    /** Of each pack the places of its examples in the step. */
    private final List<int[]> places;

    private final int pairs;
    /** Rows of log-ratios, one after the other, in each pair by pair in the order of the step; empty before the first pass. */
    private float[] values = new float[0];
    /** Each pair's share of the loss by the first pass; empty until it is asked for. */
    private float[] shares = new float[0];

    CoupledStep(DpoObjective objective, StepCounts counts, int[] order, List<int[]> packs) {
        this.objective = objective;
        this.counts = counts;
        this.packs = packs;
        Map<Integer, Integer> placeOf = new HashMap<>();
        for (int place = 0; place < order.length; place++) {
            placeOf.put(order[place], place);
        }
        this.places = packs.stream()
                .map(pack -> Arrays.stream(pack)
                        .map(example -> Objects.requireNonNull(placeOf.get(example)))
                        .toArray())
                .toList();
        this.pairs = order.length;
    }

    /** Runs the first pass if it has not run yet; the weights must stay as they are until the step's last pack. */
    void score() {
        if (values.length > 0) {
            return;
        }
        float[] all = new float[LogRatios.ROWS * pairs];
        for (int pack = 0; pack < packs.size(); pack++) {
            try (TensorScope _ = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                float[] own = Tensors.toFloats(objective
                        .logRatiosWithoutGradient(objective.batch(packs.get(pack)))
                        .stacked());
                int[] to = places.get(pack);
                for (int i = 0; i < own.length; i++) {
                    all[i / to.length * pairs + to[i % to.length]] = own[i];
                }
            }
        }
        values = all;
    }

    /** Returns the step's log-ratios in order, those of {@code pack} replaced by {@code own}. */
    LogRatios with(int pack, LogRatios own) {
        int[] from = new int[pairs];
        Arrays.setAll(from, place -> place);
        for (int i = 0; i < places.get(pack).length; i++) {
            from[places.get(pack)[i]] = pairs + i;
        }
        return LogRatios.ofStacked(
                Tensors.cat(1, rows(values), own.stacked()).index_select(1, Tensors.ofInts(from, device())));
    }

    /** Returns the log-ratios of {@code pack} as the first pass found them. */
    LogRatios of(int pack) {
        int[] from = places.get(pack);
        float[] own = new float[LogRatios.ROWS * from.length];
        for (int i = 0; i < own.length; i++) {
            own[i] = values[i / from.length * pairs + from[i % from.length]];
        }
        return LogRatios.ofStacked(rows(own));
    }

    /** Returns the shares of {@code pack} in the step's loss by the first pass, float32 [B]; the step's are computed once. */
    Tensor shares(int pack) {
        if (shares.length == 0) {
            try (TensorScope _ = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                shares = Tensors.toFloats(objective.loss().shares(LogRatios.ofStacked(rows(values)), counts));
            }
        }
        int[] from = places.get(pack);
        float[] own = new float[from.length];
        for (int i = 0; i < own.length; i++) {
            own[i] = shares[from[i]];
        }
        return Tensors.ofFloats(own, device());
    }

    /** Returns what {@code ofStep}, a value for each pair of the step, holds for the pairs of {@code pack}. */
    Tensor own(int pack, Tensor ofStep) {
        return ofStep.index_select(0, Tensors.ofInts(places.get(pack), device()));
    }

    private Tensor rows(float[] ofPairs) {
        return Tensors.ofFloats(ofPairs, device()).view(LogRatios.ROWS, -1);
    }

    private Device device() {
        return objective.policy().device();
    }
}
