package io.github.dpo4j.cli;

import io.github.dpo4j.recipe.LengthLimit;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The model and data of a command that looks at preference pairs. */
final class ModelOptions {
    @Option(names = "--config", paramLabel = "FILE", description = "YAML file with the same keys; flags win over it")
    @Nullable
    Path config;

    @Option(names = "--model", required = true, paramLabel = "MODEL", description = "Hugging Face model folder")
    Path model = Path.of("");

    @Option(
            names = "--dataset",
            required = true,
            arity = "1..*",
            paramLabel = "DATA",
            description = "preference pairs: files (.jsonl, .json, .gz), globs or folders")
    List<String> datasets = new ArrayList<>();

    @Option(
            names = "--max-length",
            paramLabel = "N",
            description = "tokens of prompt and completion, or none (default: 1024, or what the model was made for if"
                    + " that is less)")
    @Nullable
    String maxLength;

    @Option(names = "--max-prompt-length", paramLabel = "N", description = "tokens of a prompt (default: no limit)")
    @Nullable
    Integer maxPromptLength;

    @Option(
            names = "--truncation-mode",
            paramLabel = "MODE",
            defaultValue = "keep_start",
            description = "keep_start cuts completions, keep_end cuts prompts at their beginning (default:"
                    + " ${DEFAULT-VALUE})")
    String truncationMode = "keep_start";

    @Option(
            names = "--on-bad-row",
            paramLabel = "WHAT",
            defaultValue = "fail",
            description = "fail, or skip into OUTPUT.skipped (default: ${DEFAULT-VALUE})")
    String onBadRow = "fail";

    @Option(names = "--output", required = true, paramLabel = "FILE", description = "JSON lines to write")
    Path output = Path.of("");

    LengthLimit maxLength() {
        return Parsing.length(maxLength);
    }

    OptionalInt maxPromptLength() {
        return maxPromptLength == null ? OptionalInt.empty() : OptionalInt.of(maxPromptLength);
    }
}
