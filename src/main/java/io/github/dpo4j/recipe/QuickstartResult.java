package io.github.dpo4j.recipe;

import io.github.dpo4j.evaluate.SequenceKl;
import java.util.Locale;

/**
 * What the quickstart found on held-out openings.
 *
 * @param accuracy share of held-out pairs whose chosen completion has the larger implicit reward
 * @param margin mean difference of the implicit rewards
 * @param happinessAtStart mean lexicon score of the embedded model's completions; then after SFT and after DPO
 * @param kl of the tuned policy to its reference, the SFT model
 */
public record QuickstartResult(
        double accuracy,
        double margin,
        double happinessAtStart,
        double happinessAfterSft,
        double happinessAfterDpo,
        SequenceKl kl,
        double seconds) {

    /** Returns the closing table of the command. */
    public String table() {
        return String.format(
                Locale.ROOT,
                """
                held-out reward accuracy   %.3f
                held-out reward margin     %.3f
                mean happiness             %.3f -> %.3f (after SFT -> after DPO; %.3f before both)
                KL to the reference        %.2f +- %.2f nats a completion
                seconds                    %.0f
                """,
                accuracy,
                margin,
                happinessAfterSft,
                happinessAfterDpo,
                happinessAtStart,
                kl.mean(),
                kl.standardError(),
                seconds);
    }
}
