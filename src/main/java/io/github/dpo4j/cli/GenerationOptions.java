package io.github.dpo4j.cli;

import io.github.dpo4j.UserError;
import io.github.dpo4j.generate.Sampling;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of commands that generate. */
final class GenerationOptions {
    @Option(names = "--config", paramLabel = "FILE", description = "YAML file with the same keys; flags win over it")
    @Nullable
    Path config;

    @Option(names = "--model", required = true, paramLabel = "MODEL", description = "Hugging Face model folder")
    Path model = Path.of("");

    @Option(
            names = "--max-new-tokens",
            paramLabel = "N",
            defaultValue = "64",
            description = "tokens of a completion at most (default: ${DEFAULT-VALUE})")
    int maxNewTokens;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            defaultValue = "1",
            description = "0 is greedy (default: ${DEFAULT-VALUE})")
    double temperature;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            defaultValue = "1",
            description = "only the fewest likeliest tokens that reach this probability (default: ${DEFAULT-VALUE})")
    double topP;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            defaultValue = "0",
            description = "only the K likeliest tokens; 0 for all (default: ${DEFAULT-VALUE})")
    int topK;

    @Option(
            names = "--num-return-sequences",
            paramLabel = "N",
            defaultValue = "1",
            description = "completions of each prompt (default: ${DEFAULT-VALUE})")
    int completionsPerPrompt;

    @Option(
            names = "--batch-size",
            paramLabel = "N",
            defaultValue = "32",
            description = "completions made together (default: ${DEFAULT-VALUE})")
    int batchSize;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "42", description = "(default: ${DEFAULT-VALUE})")
    long seed;

    Sampling sampling() {
        if (completionsPerPrompt < 1 || batchSize < 1) {
            throw new UserError("--num-return-sequences and --batch-size must be at least 1");
        }
        return new Sampling(temperature, topK, topP);
    }
}
