package io.github.dpo4j.cli;

import io.github.dpo4j.UserError;
import io.github.dpo4j.model.lora.LoraSettings;
import io.github.dpo4j.model.lora.LoraTargets;
import io.github.dpo4j.recipe.AdapterChoice;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of an adapter; names are TRL's and PEFT's. */
final class LoraOptions {
    @Option(
            names = "--lora-r",
            paramLabel = "RANK",
            description = "train a LoRA adapter of this rank instead of all weights (default: all weights, or the"
                    + " adapter that --model is)")
    @Nullable
    Integer rank;

    @Option(
            names = "--lora-alpha",
            paramLabel = "ALPHA",
            description = "the adapter is multiplied with alpha / rank (default: twice the rank)")
    @Nullable
    Double alpha;

    @Option(
            names = "--lora-dropout",
            paramLabel = "SHARE",
            description = "share of its inputs that the adapter does not see in training (default: 0)")
    @Nullable
    Double dropout;

    @Option(
            names = "--lora-target-modules",
            arity = "1..*",
            paramLabel = "NAMES",
            description = "all-linear; names of linear layers, with commas, such as q_proj,v_proj; or a regular"
                    + " expression for whole names (default: all-linear)")
    List<String> targets = new ArrayList<>();

    @Option(
            names = "--lora-modules-to-save",
            split = ",",
            paramLabel = "NAMES",
            description = "modules that are trained whole and kept with the adapter, such as lm_head")
    List<String> modulesToSave = new ArrayList<>();

    @Option(names = "--use-rslora", description = "multiply with alpha / sqrt(rank)")
    boolean rankStabilized;

    @Option(names = "--use-dora", description = "train the lengths of the adapted weights' rows too (DoRA)")
    boolean dora;

    @Option(names = "--merge-lora", description = "write the whole model too, with the adapter merged")
    boolean merge;

    /** Returns what the options say. */
    AdapterChoice choice() {
        if (rank != null) {
            return new AdapterChoice(
                    Optional.of(new LoraSettings(
                            rank,
                            alpha == null ? 2.0 * rank : alpha,
                            dropout == null ? 0 : dropout,
                            LoraTargets.parse(targets.isEmpty() ? LoraTargets.ALL_LINEAR : String.join(",", targets)),
                            rankStabilized,
                            dora,
                            modulesToSave)),
                    merge);
        }
        refuse("--lora-alpha", alpha != null);
        refuse("--lora-dropout", dropout != null);
        refuse("--lora-target-modules", !targets.isEmpty());
        refuse("--lora-modules-to-save", !modulesToSave.isEmpty());
        refuse("--use-rslora", rankStabilized);
        refuse("--use-dora", dora);
        return new AdapterChoice(Optional.empty(), merge);
    }

    private static void refuse(String option, boolean set) {
        if (set) {
            throw new UserError(option + " says how a new adapter is made, but --lora-r is not set");
        }
    }
}
