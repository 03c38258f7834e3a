package io.github.dpo4j.cli;

import io.github.dpo4j.recipe.TinyRun;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Settings of losses and references that are out of range, would do nothing or exclude each other. */
class LossMistakesTest {
    private final Path folder;
    private final Path output;

    LossMistakesTest(@TempDir Path folder) {
        this.folder = folder;
        this.output = folder.resolve("run");
    }

    private Cli dpo(String... flags) throws IOException {
        Path data = TinyRun.pairs(folder.resolve("pairs.jsonl"), TinyRun.PAIRS);
        return Cli.onTiny("dpo", TinyRun.golden("llama/policy"), data, output, flags);
    }

    @ParameterizedTest
    @CsvSource({
        "--loss=hinge --label-smoothing=0.1, --label-smoothing is for sigmoid",
        "--loss=hinge --label-smoothing=0, --label-smoothing is for sigmoid",
        "--loss=exo_pair, label_smoothing is 0.0; for exo_pair it must be above 0",
        "--loss=discopop --discopop-tau=0, discopop_tau is 0.0; it must be a number above 0",
        "--discopop-tau=0.05, --discopop-tau is for discopop",
        "--simpo-gamma=1, --simpo-gamma is for simpo",
        "--loss=simpo --simpo-gamma=-1, simpo_gamma is -1.0",
        "--loss=ipo --ipo-reduction=max, mean or sum",
        "--orpo-lambda=1, --orpo-lambda is for orpo",
        "'--loss=sft,orpo', --loss orpo has sft in it already",
        "--loss=orpo --orpo-lambda=0, orpo_lambda is 0.0",
        "--f-divergence=kl, 'reverse_kl, forward_kl, js_divergence or alpha_divergence'",
        "--f-alpha=0.5, --f-alpha is for --f-divergence alpha_divergence",
        "--f-divergence=alpha_divergence --f-alpha=NaN, f_alpha is NaN",
        "--f-divergence=forward_kl --loss=nca_pair, f_divergence goes with losses of score differences",
        "--f-divergence=forward_kl --loss=sft, f_divergence has no effect on sft alone",
        "--ld-alpha=1.5, ld_alpha is 1.5; it must be from 0 to 1",
        "--ld-alpha=0.5 --loss=simpo, ld_alpha is for losses of log-ratios",
        "--use-weighting --loss=aot, use_weighting does not go with aot",
        "--loss=simpo --reference-model=x, reference_model is set, but the loss simpo has no reference",
        "--loss=orpo --reference-free, reference_free is set",
        "--loss=simpo --reference-logps=stored, reference_logps is set",
        "--loss=simpo --reference-logps-dir=x, --reference-logps-dir is for stored reference logps",
        "--loss=sft --beta=NaN, beta is NaN",
        "--reference-free --reference-model=x, exclude each other",
        "--reference-free --reference-logps=stored, leaves no reference logps to store",
        "--reference-free --reference-logps-dir=x, a run without a reference stores none",
        "'--loss=plackett_luce,sft', plackett_luce is on rankings and the other losses are on pairs",
        "--loss=plackett_luce --loss-weights=2, --loss-weights is for losses on pairs",
        "--loss=plackett_luce --label-smoothing=0.1, --label-smoothing is for losses on pairs",
        "--loss=plackett_luce --f-divergence=forward_kl, --f-divergence is for losses on pairs",
        "--loss=plackett_luce --use-weighting, --use-weighting is for losses on pairs",
        "--loss=plackett_luce --ld-alpha=0.5, --ld-alpha is for losses on pairs",
        "--ref-model-sync-steps=2, --ref-model-sync-steps is for --sync-ref-model",
        "--ref-model-mixup-alpha=0.5, --ref-model-mixup-alpha is for --sync-ref-model",
        "--sync-ref-model --ref-model-sync-steps=0, ref_model_sync_steps is 0; it must be at least 1",
        "--sync-ref-model --ref-model-mixup-alpha=0, ref_model_mixup_alpha is 0.0; it must be above 0 and at most 1",
        "--sync-ref-model --reference-logps=stored, leave --reference-logps stored away",
        "--sync-ref-model --reference-logps-dir=x, leave --reference-logps-dir away",
        "--sync-ref-model --reference-free, reference_free leaves no reference for sync_ref_model",
        "--sync-ref-model --loss=simpo, sync_ref_model is set",
        "--sync-ref-model, 'ref_model_sync_steps is 512, but the run has 1 steps'",
        "--sync-ref-model --ref-model-sync-steps=2, 'is 2, but the run has 1 steps'",
        "--sync-ref-model --loss=sft, no loss of sft reads the reference",
        "--reference-logps=live --reference-logps-dir=x, --reference-logps live stores none"
    })
    void settingsThatDoNotGoTogether(String flags, String says) throws IOException {
        dpo(flags.split(" ", -1)).isMistake(says);
        Cli.nothingIsWritten(output);
    }
}
