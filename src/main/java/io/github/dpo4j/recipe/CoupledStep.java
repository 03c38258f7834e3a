package io.github.dpo4j.recipe;

import io.github.dpo4j.objective.FDivergence;
import io.github.dpo4j.objective.LogRatios;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/**
 * The log-ratios of a whole step for a loss that couples its pairs, where memory holds only a pack of them at a time. A first
 * pass without gradient scores all packs. Then each pack's own log-ratios, with gradient, take their places among the others',
 * which are constants: the gradients of all packs add up to that of the whole step.
 */
final class CoupledStep {
    private static final int ROWS = 8;

    private final DpoObjective objective;
    private final List<int[]> packs;
    /** Of each pack the places of its examples in the step. */
    private final List<int[]> places;
    /** Rows of log-ratios, pair by pair in the order of the step; empty until the first pass has run. */
    private float[][] values = new float[0][];

    CoupledStep(DpoObjective objective, int[] order, List<int[]> packs) {
        this.objective = objective;
        this.packs = packs;
        Map<Integer, Integer> placeOf = new HashMap<>();
        for (int place = 0; place < order.length; place++) {
            placeOf.put(order[place], place);
        }
        this.places = packs.stream()
                .map(pack -> {
                    int[] of = new int[pack.length];
                    for (int i = 0; i < of.length; i++) {
                        of[i] = placeOf.getOrDefault(pack[i], -1);
                    }
                    return of;
                })
                .toList();
    }

    /** Runs the first pass if it has not run yet; the weights must stay as they are until the step's last pack. */
    void score() {
        if (values.length > 0) {
            return;
        }
        float[][] all =
                new float[ROWS][packs.stream().mapToInt(pack -> pack.length).sum()];
        for (int pack = 0; pack < packs.size(); pack++) {
            try (TensorScope _ = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                List<Tensor> rows = rows(objective.logRatiosWithoutGradient(objective.batch(packs.get(pack))));
                for (int row = 0; row < ROWS; row++) {
                    float[] own = Tensors.toFloats(rows.get(row));
                    for (int i = 0; i < own.length; i++) {
                        all[row][places.get(pack)[i]] = own[i];
                    }
                }
            }
        }
        values = all;
    }

    private static List<Tensor> rows(LogRatios ratios) {
        return List.of(
                ratios.policyChosen(),
                ratios.policyRejected(),
                ratios.referenceChosen(),
                ratios.referenceRejected(),
                ratios.chosenTokens(),
                ratios.rejectedTokens(),
                ratios.wholeChosen(),
                ratios.wholeRejected());
    }

    /** Returns the step's log-ratios in order, those of {@code pack} replaced by {@code own}. */
    LogRatios with(int pack, LogRatios own) {
        int[] from = new int[values[0].length];
        for (int place = 0; place < from.length; place++) {
            from[place] = place;
        }
        for (int i = 0; i < places.get(pack).length; i++) {
            from[places.get(pack)[i]] = from.length + i;
        }
        Tensor index = Tensors.ofInts(from, device());
        List<Tensor> replaced = new ArrayList<>();
        List<Tensor> ownRows = rows(own);
        for (int row = 0; row < ROWS; row++) {
            replaced.add(Tensors.cat(0, Tensors.ofFloats(values[row], device()), ownRows.get(row))
                    .index_select(0, index));
        }
        return ofRows(replaced, Function.identity());
    }

    /** Returns the log-ratios of {@code pack} as the first pass found them. */
    LogRatios of(int pack) {
        Tensor own = Tensors.ofInts(places.get(pack), device());
        List<Tensor> rows = new ArrayList<>();
        for (float[] row : values) {
            rows.add(Tensors.ofFloats(row, device()));
        }
        return ofRows(rows, row -> row.index_select(0, own));
    }

    private static LogRatios ofRows(List<Tensor> rows, Function<Tensor, Tensor> part) {
        List<Tensor> parts = rows.stream().map(part).toList();
        return new LogRatios(
                parts.get(0),
                parts.get(1),
                parts.get(2),
                parts.get(3),
                parts.get(4),
                parts.get(5),
                parts.get(6),
                parts.get(7),
                new FDivergence.ReverseKl());
    }

    /** Returns what {@code ofStep}, a value for each pair of the step, holds for the pairs of {@code pack}. */
    Tensor own(int pack, Tensor ofStep) {
        return ofStep.index_select(0, Tensors.ofInts(places.get(pack), device()));
    }

    private Device device() {
        return objective.policy().device();
    }
}
