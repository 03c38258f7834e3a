package io.github.dpo4j.cli;

import io.github.dpo4j.recipe.TinyRun;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Settings of adapters that are out of range, would do nothing or exclude each other. */
class AdapterMistakesTest {
    private final Path folder;
    private final Path output;

    AdapterMistakesTest(@TempDir Path folder) {
        this.folder = folder;
        this.output = folder.resolve("run");
    }

    private Cli dpo(String... flags) throws IOException {
        Path data = TinyRun.pairs(folder.resolve("pairs.jsonl"), TinyRun.PAIRS);
        return Cli.onTiny("dpo", TinyRun.golden("llama/policy"), data, output, flags);
    }

    @ParameterizedTest
    @CsvSource({
        "--lora-alpha=8, --lora-alpha says how a new adapter is made",
        "--use-dora, --use-dora says how a new adapter is made",
        "--lora-modules-to-save=lm_head, --lora-modules-to-save says how a new adapter is made",
        "--merge-lora, 'merge_lora is set, but no adapter is trained'",
        "--lora-r=0, lora_r is 0; it must be from 1",
        "--lora-r=4 --lora-alpha=0, lora_alpha is 0.0",
        "--lora-r=4 --lora-dropout=1, lora_dropout is 1.0",
        "--lora-r=4 --use-dora --lora-dropout=0.1, training with both is not supported",
        "--lora-r=4 --lora-dropout=0.1 --loss=aot, the loss couples pairs (aot)",
        "--lora-r=4 --lora-target-modules=wq, no linear layer 'wq'; it has down_proj",
        "--lora-r=4 --lora-target-modules=(, is no regular expression",
        "--lora-r=4 --lora-modules-to-save=nothing, no weights of 'nothing'; it has",
        "--sync-ref-model --lora-r=4, sync_ref_model moves all weights of the reference"
    })
    void settingsThatDoNotGoTogether(String flags, String says) throws IOException {
        dpo(flags.split(" ", -1)).isMistake(says);
        Cli.nothingIsWritten(output);
    }

    @Test
    void anAdapterNeitherMovesAReferenceNorIsOneThatMoves() throws IOException {
        Path first = folder.resolve("first");
        dpo("--lora-r=4", "--output=" + first).isDone();
        Path adapter = first.resolve("adapter");
        dpo("--model=" + adapter, "--sync-ref-model").isMistake("the run trains an adapter");
        dpo("--reference-model=" + adapter, "--sync-ref-model", "--ref-model-sync-steps=1")
                .isMistake("one architecture and size");
        Cli.nothingIsWritten(output);
    }
}
