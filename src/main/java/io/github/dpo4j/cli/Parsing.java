package io.github.dpo4j.cli;

import io.github.dpo4j.UserError;
import io.github.dpo4j.data.OnBadRow;
import io.github.dpo4j.objective.FDivergence;
import io.github.dpo4j.objective.PreferenceLoss;
import io.github.dpo4j.recipe.ActivationCheckpointing;
import io.github.dpo4j.recipe.LengthLimit;
import io.github.dpo4j.recipe.ReferenceStorage;
import io.github.dpo4j.safetensors.DType;
import io.github.dpo4j.text.TruncationMode;
import java.nio.file.Path;
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
    static ReferenceStorage referenceStorage(String word, @Nullable Path folder, boolean withoutReference) {
        if (folder != null && (word.equals("live") || withoutReference)) {
            throw new UserError("--reference-logps-dir is for stored reference logps, but "
                    + (withoutReference ? "a run without a reference" : "--reference-logps live") + " stores none");
        }
        Path stores = folder == null ? ReferenceStorage.usualFolder(System.getenv()) : folder;
        return switch (word) {
            case "live" -> new ReferenceStorage.Live();
            case "stored" -> new ReferenceStorage.Stored(stores);
            case "auto" -> new ReferenceStorage.Auto(stores);
            default -> throw new UserError("--reference-logps " + word + " is unknown; it is live, stored or auto");
        };
    }

    static PreferenceLoss.Ipo.Reduction ipoReduction(@Nullable String word) {
        return switch (word) {
            case null -> PreferenceLoss.Ipo.Reduction.MEAN;
            case "mean" -> PreferenceLoss.Ipo.Reduction.MEAN;
            case "sum" -> PreferenceLoss.Ipo.Reduction.SUM;
            default -> throw new UserError("--ipo-reduction " + word + " is unknown; it is mean or sum");
        };
    }

    /** Reads --f-divergence and --f-alpha. */
    static FDivergence divergence(String word, @Nullable Double alpha) {
        if (alpha != null && !word.equals("alpha_divergence")) {
            throw new UserError("--f-alpha is for --f-divergence alpha_divergence, not for " + word);
        }
        return switch (word) {
            case "reverse_kl" -> new FDivergence.ReverseKl();
            case "forward_kl" -> new FDivergence.ForwardKl();
            case "js_divergence" -> new FDivergence.JensenShannon();
            case "alpha_divergence" -> new FDivergence.Alpha(alpha == null ? 0.5 : alpha);
            default ->
                throw new UserError("--f-divergence " + word
                        + " is unknown; it is reverse_kl, forward_kl, js_divergence or alpha_divergence");
        };
    }
}
