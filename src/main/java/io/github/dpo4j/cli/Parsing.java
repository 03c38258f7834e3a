package io.github.dpo4j.cli;

import io.github.dpo4j.UserError;
import io.github.dpo4j.data.OnBadRow;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PreferenceLoss;
import io.github.dpo4j.recipe.ActivationCheckpointing;
import io.github.dpo4j.recipe.LengthLimit;
import io.github.dpo4j.recipe.ReferenceStorage;
import io.github.dpo4j.safetensors.DType;
import io.github.dpo4j.text.TruncationMode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Words of the command line as values; each throws a {@link UserError} that names the choices. */
final class Parsing {
    private Parsing() {}

    static LengthLimit length(@Nullable String word) {
        if (word == null) {
            return new LengthLimit.Usual();
        }
        if (word.equals("none")) {
            return new LengthLimit.Unlimited();
        }
        try {
            return new LengthLimit.AtMost(Integer.parseInt(word));
        } catch (NumberFormatException e) {
            throw new UserError("--max-length " + word + " must be a number of tokens, or none", e);
        }
    }

    static OnBadRow onBadRow(String word) {
        return switch (word) {
            case "fail" -> OnBadRow.FAIL;
            case "skip" -> OnBadRow.SKIP;
            default -> throw new UserError("--on-bad-row " + word + " is unknown; it is fail or skip");
        };
    }

    static ActivationCheckpointing checkpointing(String word) {
        return switch (word) {
            case "auto" -> ActivationCheckpointing.AUTO;
            case "on" -> ActivationCheckpointing.ON;
            case "off" -> ActivationCheckpointing.OFF;
            default -> throw new UserError("--activation-checkpointing " + word + " is unknown; it is auto, on or off");
        };
    }

    static TruncationMode truncation(String word) {
        return switch (word) {
            case "keep_start" -> TruncationMode.KEEP_START;
            case "keep_end" -> TruncationMode.KEEP_END;
            default -> throw new UserError("--truncation-mode " + word + " is unknown; it is keep_start or keep_end");
        };
    }

    static DType dtype(String word) {
        return switch (word) {
            case "float32" -> DType.F32;
            case "bfloat16" -> DType.BF16;
            case "float16" -> DType.F16;
            default -> throw new UserError("--save-dtype " + word + " is unknown; it is float32, bfloat16 or float16");
        };
    }

    /** Reads --reference-logps and --reference-logps-dir; a folder that nothing would be stored in is refused. */
    static ReferenceStorage referenceStorage(String word, @Nullable Path folder, boolean referenceFree) {
        if (folder != null && (word.equals("live") || referenceFree)) {
            throw new UserError("--reference-logps-dir is for stored reference logps, but "
                    + (referenceFree ? "--reference-free" : "--reference-logps live") + " stores none");
        }
        Path stores = folder == null ? ReferenceStorage.usualFolder(System.getenv()) : folder;
        return switch (word) {
            case "live" -> new ReferenceStorage.Live();
            case "stored" -> new ReferenceStorage.Stored(stores);
            case "auto" -> new ReferenceStorage.Auto(stores);
            default -> throw new UserError("--reference-logps " + word + " is unknown; it is live, stored or auto");
        };
    }

    static PreferenceLoss.Ipo.Reduction ipoReduction(String word) {
        return switch (word) {
            case "mean" -> PreferenceLoss.Ipo.Reduction.MEAN;
            case "sum" -> PreferenceLoss.Ipo.Reduction.SUM;
            default -> throw new UserError("--ipo-reduction " + word + " is unknown; it is mean or sum");
        };
    }

    /** Reads --loss, --loss-weights and the settings of the losses; a setting that no named loss uses is refused. */
    static LossMix losses(
            List<String> names,
            List<Double> weights,
            double beta,
            double labelSmoothing,
            PreferenceLoss.Ipo.Reduction ipoReduction) {
        if (!weights.isEmpty() && weights.size() != names.size()) {
            throw new UserError("--loss-weights has " + weights.size() + " numbers for " + names.size() + " losses");
        }
        if (ipoReduction != PreferenceLoss.Ipo.Reduction.MEAN && !names.contains("ipo")) {
            throw new UserError("--ipo-reduction is for the ipo loss, which --loss does not name");
        }
        if (labelSmoothing != 0 && !names.contains("sigmoid")) {
            throw new UserError("--label-smoothing is for the sigmoid loss, which --loss does not name");
        }
        List<LossMix.Term> terms = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            PreferenceLoss loss = switch (names.get(i)) {
                case "sigmoid" -> new PreferenceLoss.Sigmoid(beta, labelSmoothing);
                case "hinge" -> new PreferenceLoss.Hinge(beta);
                case "ipo" -> new PreferenceLoss.Ipo(beta, ipoReduction);
                case "sft" -> new PreferenceLoss.Sft();
                default ->
                    throw new UserError("--loss " + names.get(i) + " is unknown; known losses are sigmoid,"
                            + " hinge, ipo and sft");
            };
            terms.add(new LossMix.Term(loss, weights.isEmpty() ? 1 : weights.get(i)));
        }
        return new LossMix(terms);
    }
}
