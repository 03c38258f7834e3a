package io.github.dpo4j.cli;

import io.github.dpo4j.UserError;
import io.github.dpo4j.objective.LikelihoodLoss;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PlackettLuce;
import io.github.dpo4j.objective.PreferenceLoss;
import io.github.dpo4j.objective.ScoreLoss;
import io.github.dpo4j.objective.SideLoss;
import io.github.dpo4j.objective.SortedLoss;
import io.github.dpo4j.objective.TrainedLoss;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which loss, and its settings: those that no named loss uses are refused. */
final class LossOptions {
    private static final String KNOWN = "sigmoid, hinge, ipo, exo_pair, nca_pair, robust, bco_pair, sppo_hard, aot,"
            + " aot_unpaired, apo_zero, apo_down, discopop, sft, sigmoid_norm, simpo, orpo and plackett_luce";

    @Option(
            names = "--loss",
            split = ",",
            paramLabel = "NAME",
            defaultValue = "sigmoid",
            description = "one or more, with commas, of " + KNOWN + " (default: ${DEFAULT-VALUE})")
    List<String> names = new ArrayList<>();

    @Option(
            names = "--loss-weights",
            split = ",",
            paramLabel = "WEIGHT",
            description = "a weight for each loss (default: 1)")
    List<Double> weights = new ArrayList<>();

    @Option(
            names = "--beta",
            paramLabel = "BETA",
            defaultValue = "0.1",
            description = "how strongly the policy is held to the reference (default: ${DEFAULT-VALUE})")
    double beta;

    @Option(
            names = "--label-smoothing",
            paramLabel = "SHARE",
            description =
                    "share of flipped labels that sigmoid (conservative DPO), robust, aot and aot_unpaired assume,"
                            + " below 0.5 (default: 0); exo_pair needs one above 0")
    @Nullable
    Double labelSmoothing;

    @Option(
            names = "--ipo-reduction",
            paramLabel = "HOW",
            description = "log-ratios of ipo as mean over tokens (TRL) or sum (the DPO authors' code) (default: mean)")
    @Nullable
    String ipoReduction;

    @Option(names = "--discopop-tau", paramLabel = "TAU", description = "temperature of discopop (default: 0.05)")
    @Nullable
    Double discopopTau;

    @Option(
            names = "--simpo-gamma",
            paramLabel = "GAMMA",
            description = "margin that simpo asks of rewards (default: 0.5)")
    @Nullable
    Double simpoGamma;

    @Option(names = "--orpo-lambda", paramLabel = "LAMBDA", description = "weight of orpo's odds ratio (default: 0.1)")
    @Nullable
    Double orpoLambda;

    @Option(
            names = "--f-divergence",
            paramLabel = "NAME",
            defaultValue = "reverse_kl",
            description = "reverse_kl, forward_kl, js_divergence or alpha_divergence, for losses of score differences"
                    + " (default: ${DEFAULT-VALUE})")
    String divergence = "reverse_kl";

    @Option(names = "--f-alpha", paramLabel = "ALPHA", description = "of alpha_divergence (default: 0.5)")
    @Nullable
    Double divergenceAlpha;

    @Option(
            names = "--ld-alpha",
            paramLabel = "ALPHA",
            description = "LD-DPO: what a completion's tokens beyond the length of the other one count, from 0 to 1"
                    + " (default: all alike)")
    @Nullable
    Double ldAlpha;

    @Option(names = "--use-weighting", description = "WPO: weigh a pair by how likely it is under the policy")
    boolean weighted;

    /** Returns what the options say; {@code batchPairs} as for {@link #mix}. */
    TrainedLoss loss(int batchPairs) {
        if (!names.contains("plackett_luce")) {
            return mix(batchPairs);
        }
        if (names.size() > 1) {
            throw new UserError(
                    "--loss plackett_luce is on rankings and the other losses are on pairs, so it stands alone");
        }
        refuse(!weights.isEmpty(), "--loss-weights");
        refuse(labelSmoothing != null, "--label-smoothing");
        refuse(ipoReduction != null, "--ipo-reduction");
        refuse(discopopTau != null, "--discopop-tau");
        refuse(simpoGamma != null, "--simpo-gamma");
        refuse(orpoLambda != null, "--orpo-lambda");
        refuse(!divergence.equals("reverse_kl") || divergenceAlpha != null, "--f-divergence");
        refuse(ldAlpha != null, "--ld-alpha");
        refuse(weighted, "--use-weighting");
        return new PlackettLuce(beta);
    }

    private static void refuse(boolean set, String option) {
        if (set) {
            throw new UserError(option + " is for losses on pairs, which plackett_luce is not; leave it away");
        }
    }

    /** Returns what the options say of losses on pairs; {@code batchPairs} is per_device_train_batch_size, within which aot sorts. */
    private LossMix mix(int batchPairs) {
        if (!weights.isEmpty() && weights.size() != names.size()) {
            throw new UserError("--loss-weights has " + weights.size() + " numbers for " + names.size() + " losses");
        }
        requireUsed("--label-smoothing", labelSmoothing, "sigmoid", "exo_pair", "robust", "aot", "aot_unpaired");
        requireUsed("--ipo-reduction", ipoReduction, "ipo");
        requireUsed("--discopop-tau", discopopTau, "discopop");
        requireUsed("--simpo-gamma", simpoGamma, "simpo");
        requireUsed("--orpo-lambda", orpoLambda, "orpo");
        if (names.contains("orpo") && names.contains("sft")) {
            throw new UserError("--loss orpo has sft in it already; leave sft away, or weigh orpo with --orpo-lambda");
        }
        List<LossMix.Term> terms = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            double weight = weights.isEmpty() ? 1 : weights.get(i);
            terms.add(new LossMix.Term(loss(names.get(i), batchPairs), weight));
            if (names.get(i).equals("orpo")) {
                terms.add(new LossMix.Term(new PreferenceLoss.Sft(), weight));
            }
        }
        return new LossMix(
                terms,
                Parsing.divergence(divergence, divergenceAlpha),
                ldAlpha == null ? OptionalDouble.empty() : OptionalDouble.of(ldAlpha),
                weighted);
    }

    private void requireUsed(String option, @Nullable Object value, String... losses) {
        if (value != null && names.stream().noneMatch(Set.of(losses)::contains)) {
            throw new UserError(option + " is for " + String.join(", ", losses) + ", which --loss does not name");
        }
    }

    private PreferenceLoss loss(String name, int batchPairs) {
        double smoothing = or(labelSmoothing, 0);
        return switch (name) {
            case "sigmoid" -> new PreferenceLoss.Sigmoid(beta, smoothing);
            case "hinge" -> new PreferenceLoss.Hinge(beta);
            case "ipo" -> new PreferenceLoss.Ipo(beta, Parsing.ipoReduction(ipoReduction));
            case "exo_pair" -> new ScoreLoss.ExoPair(beta, smoothing);
            case "nca_pair" -> new SideLoss.NcaPair(beta);
            case "robust" -> new ScoreLoss.Robust(beta, smoothing);
            case "bco_pair" -> new SideLoss.BcoPair(beta);
            case "sppo_hard" -> new SideLoss.SppoHard(beta);
            case "aot" -> new SortedLoss.Aot(beta, smoothing, batchPairs);
            case "aot_unpaired" -> new SortedLoss.AotUnpaired(beta, smoothing, batchPairs);
            case "apo_zero" -> new SideLoss.ApoZero(beta);
            case "apo_down" -> new SideLoss.ApoDown(beta);
            case "discopop" -> new ScoreLoss.Discopop(beta, or(discopopTau, 0.05));
            case "sft" -> new PreferenceLoss.Sft();
            case "sigmoid_norm" -> new ScoreLoss.SigmoidNorm(beta);
            case "simpo" -> new LikelihoodLoss.Simpo(beta, or(simpoGamma, 0.5));
            case "orpo" -> new LikelihoodLoss.OddsRatio(or(orpoLambda, 0.1));
            default -> throw new UserError("--loss " + name + " is unknown; known losses are " + KNOWN);
        };
    }

    private static double or(@Nullable Double value, double usual) {
        return value == null ? usual : value;
    }
}
