package io.github.dpo4j.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.dpo4j.UserError;
import io.github.dpo4j.data.OnBadRow;
import io.github.dpo4j.file.AtomicFiles;
import io.github.dpo4j.recipe.BenchRecipe;
import io.github.dpo4j.recipe.BenchResult;
import io.github.dpo4j.recipe.BenchSettings;
import io.github.dpo4j.recipe.BenchTable;
import io.github.dpo4j.recipe.PairSource;
import io.github.dpo4j.text.TruncationMode;
import io.github.dpo4j.torch.Device;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code dpo4j bench}. */
@Command(
        name = "bench",
        description = "Measures DPO steps: where their time goes, and what share of the machine's fastest matrix"
                + " products they reach.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false)
final class BenchCommand implements Callable<Integer> {
    private static final int SQUARE = 2048;
    private static final int PROMPT_TOKENS = 120;
    private static final int CHOSEN_TOKENS = 40;
    private static final int REJECTED_TOKENS = 50;

    @Spec
    @Nullable
    CommandSpec spec;

    @Option(names = "--config", paramLabel = "FILE", description = "YAML file with the same keys; flags win over it")
    @Nullable
    Path config;

    @Option(names = "--model", required = true, paramLabel = "MODEL", description = "Hugging Face model folder")
    Path model = Path.of("");

    @Option(
            names = "--dataset",
            arity = "1..*",
            paramLabel = "DATA",
            description = "preference pairs (default: made-up ones, of random ids)")
    List<String> datasets = new ArrayList<>();

    @Option(
            names = "--max-length",
            paramLabel = "N",
            description = "with --dataset: tokens of prompt and completion, or none (default: 1024, or what the model"
                    + " was made for if that is less)")
    @Nullable
    String maxLength;

    @Option(
            names = "--prompt-tokens",
            paramLabel = "N",
            description = "of a made-up pair (default: " + PROMPT_TOKENS + ")")
    @Nullable
    Integer promptTokens;

    @Option(
            names = "--chosen-tokens",
            paramLabel = "N",
            description = "of a made-up pair (default: " + CHOSEN_TOKENS + ")")
    @Nullable
    Integer chosenTokens;

    @Option(
            names = "--rejected-tokens",
            paramLabel = "N",
            description = "of a made-up pair (default: " + REJECTED_TOKENS + ")")
    @Nullable
    Integer rejectedTokens;

    @Option(
            names = "--per-device-train-batch-size",
            paramLabel = "N",
            defaultValue = "4",
            description = "pairs of an optimizer step (default: ${DEFAULT-VALUE})")
    int batchSize;

    @Option(
            names = "--tokens-per-micro-batch",
            paramLabel = "N",
            description = "packed tokens of one forward and backward at most (default: 512 to 1024, by free memory)")
    @Nullable
    Integer tokensPerMicroBatch;

    @Option(
            names = "--steps",
            paramLabel = "N",
            defaultValue = "8",
            description = "optimizer steps (default: ${DEFAULT-VALUE})")
    int steps;

    @Option(
            names = "--warmup-steps",
            paramLabel = "N",
            defaultValue = "2",
            description = "how many of them, the first, are not counted (default: ${DEFAULT-VALUE})")
    int warmupSteps;

    @Option(
            names = "--reference-logps",
            paramLabel = "HOW",
            defaultValue = "live",
            description = "live runs a frozen reference on every step; stored takes its logps as known (default:"
                    + " ${DEFAULT-VALUE})")
    String referenceLogps = "live";

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "42",
            description = "of made-up ids and the data's order (default: ${DEFAULT-VALUE})")
    long seed;

    @Option(names = "--output", paramLabel = "FILE", description = "JSON to write (default: none)")
    @Nullable
    Path output;

    @Mixin
    TorchOptions torch = new TorchOptions();

    @Override
    public Integer call() throws IOException {
        if (spec == null) {
            throw new IllegalStateException("picocli sets the spec");
        }
        if (output != null) {
            JsonLines.prepare(output);
        }
        BenchResult result = new BenchRecipe(settings(), new ConsoleObserver(), Clock.systemUTC()).run();
        spec.commandLine().getOut().print(new BenchTable(result).text());
        spec.commandLine().getOut().flush();
        if (output != null) {
            try {
                AtomicFiles.writeText(
                        output,
                        new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(BenchJson.of(result))
                                + "\n");
            } catch (IOException e) {
                throw new UserError("--output " + output + " cannot be written (" + AtomicFiles.reason(e) + ")", e);
            }
        }
        return 0;
    }

    private BenchSettings settings() {
        BenchSettings.Pairs pairs = pairs();
        boolean live = live();
        Device device = torch.start();
        return new BenchSettings(
                model,
                pairs,
                batchSize,
                tokensPerMicroBatch == null ? OptionalInt.empty() : OptionalInt.of(tokensPerMicroBatch),
                steps,
                warmupSteps,
                live,
                SQUARE,
                torch.computeType(device),
                device,
                seed);
    }

    private BenchSettings.Pairs pairs() {
        if (datasets.isEmpty()) {
            if (maxLength != null) {
                throw new UserError("--max-length is for --dataset; --prompt-tokens and its like say how long made-up"
                        + " pairs are");
            }
            return new BenchSettings.Pairs.MadeUp(
                    promptTokens == null ? PROMPT_TOKENS : promptTokens,
                    chosenTokens == null ? CHOSEN_TOKENS : chosenTokens,
                    rejectedTokens == null ? REJECTED_TOKENS : rejectedTokens);
        }
        if (promptTokens != null || chosenTokens != null || rejectedTokens != null) {
            throw new UserError(
                    "--prompt-tokens, --chosen-tokens and --rejected-tokens are for made-up pairs, not for --dataset");
        }
        return new BenchSettings.Pairs.Of(
                datasets,
                new PairSource(
                        Parsing.length(maxLength), OptionalInt.empty(), TruncationMode.KEEP_START, OnBadRow.FAIL));
    }

    private boolean live() {
        return switch (referenceLogps) {
            case "live" -> true;
            case "stored" -> false;
            default -> throw new UserError("--reference-logps " + referenceLogps + " is unknown; it is live or stored");
        };
    }
}
