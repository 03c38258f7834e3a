package io.github.dpo4j.golden;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.objective.FDivergence;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PreferenceLoss;
import io.github.dpo4j.objective.ScoreLoss;
import io.github.dpo4j.objective.SideLoss;
import io.github.dpo4j.objective.SortedLoss;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/** The loss settings of a golden.json, which are TRL's, as ours. */
final class GoldenLosses {
    /** The pairs of each row's micro-batch. */
    static final int PAIRS = 8;

    private GoldenLosses() {}

    static LossMix mix(JsonNode row) {
        List<LossMix.Term> terms = new ArrayList<>();
        for (JsonNode type : row.path("loss_type")) {
            terms.add(new LossMix.Term(
                    loss(
                            type.asText(),
                            row.path("beta").asDouble(),
                            row.path("label_smoothing").asDouble(0)),
                    row.path("loss_weights").path(terms.size()).asDouble(1)));
        }
        return new LossMix(
                terms,
                divergence(row),
                row.has("ld_alpha") ? OptionalDouble.of(row.path("ld_alpha").asDouble()) : OptionalDouble.empty(),
                row.path("use_weighting").asBoolean());
    }

    private static PreferenceLoss loss(String name, double beta, double smoothing) {
        return switch (name) {
            case "sigmoid" -> new PreferenceLoss.Sigmoid(beta, smoothing);
            case "hinge" -> new PreferenceLoss.Hinge(beta);
            case "ipo" -> new PreferenceLoss.Ipo(beta, PreferenceLoss.Ipo.Reduction.MEAN);
            case "exo_pair" -> new ScoreLoss.ExoPair(beta, smoothing);
            case "nca_pair" -> new SideLoss.NcaPair(beta);
            case "robust" -> new ScoreLoss.Robust(beta, smoothing);
            case "bco_pair" -> new SideLoss.BcoPair(beta);
            case "sppo_hard" -> new SideLoss.SppoHard(beta);
            case "aot" -> new SortedLoss.Aot(beta, smoothing, PAIRS);
            case "aot_unpaired" -> new SortedLoss.AotUnpaired(beta, smoothing, PAIRS);
            case "apo_zero" -> new SideLoss.ApoZero(beta);
            case "apo_down" -> new SideLoss.ApoDown(beta);
            case "discopop" -> new ScoreLoss.Discopop(beta, 0.05);
            case "sft" -> new PreferenceLoss.Sft();
            case "sigmoid_norm" -> new ScoreLoss.SigmoidNorm(beta);
            default -> throw new IllegalArgumentException(name);
        };
    }

    private static FDivergence divergence(JsonNode row) {
        return switch (row.path("f_divergence_type").asText("reverse_kl")) {
            case "reverse_kl" -> new FDivergence.ReverseKl();
            case "forward_kl" -> new FDivergence.ForwardKl();
            case "js_divergence" -> new FDivergence.JensenShannon();
            case "alpha_divergence" ->
                new FDivergence.Alpha(row.path("f_alpha_divergence_coef").asDouble());
            default -> throw new IllegalArgumentException(row.toString());
        };
    }
}
