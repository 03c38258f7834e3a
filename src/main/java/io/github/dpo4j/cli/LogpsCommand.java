package io.github.dpo4j.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.recipe.PairScorer;
import io.github.dpo4j.recipe.PairSource;
import io.github.dpo4j.torch.Device;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code dpo4j logps}. */
@Command(
        name = "logps",
        description = "Scores pairs: a JSON line a pair with the summed logps of both completions.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false)
final class LogpsCommand implements Callable<Integer> {
    @Mixin
    ModelOptions options = new ModelOptions();

    @Option(names = "--reference-model", paramLabel = "MODEL", description = "a second model to score with")
    @Nullable
    Path reference;

    @Option(
            names = "--batch-size",
            paramLabel = "N",
            defaultValue = "8",
            description = "pairs scored together (default: ${DEFAULT-VALUE})")
    int batchSize;

    @Mixin
    TorchOptions torch = new TorchOptions();

    @Override
    public Integer call() throws IOException {
        JsonLines.prepare(options.output);
        Device device = torch.start();
        PairSource source = new PairSource(
                options.maxLength(),
                options.maxPromptLength(),
                Parsing.truncation(options.truncationMode),
                Parsing.onBadRow(options.onBadRow));
        List<PairScorer.Scores> scores = new PairScorer(
                        options.model,
                        Optional.ofNullable(reference),
                        source,
                        batchSize,
                        device,
                        torch.computeType(device),
                        new ConsoleObserver())
                .score(options.datasets, JsonLines.skipped(options.output));
        ObjectMapper json = new ObjectMapper();
        JsonLines.write(options.output, scores, pair -> line(json, pair));
        return 0;
    }

    private static ObjectNode line(ObjectMapper json, PairScorer.Scores pair) {
        ObjectNode line = json.createObjectNode();
        line.put("policy_chosen_logps", pair.policyChosen());
        line.put("policy_rejected_logps", pair.policyRejected());
        pair.reference().ifPresent(reference -> {
            line.put("reference_chosen_logps", reference.chosen());
            line.put("reference_rejected_logps", reference.rejected());
        });
        line.put("prompt_tokens", pair.promptTokens());
        line.put("chosen_tokens", pair.chosenTokens());
        line.put("rejected_tokens", pair.rejectedTokens());
        line.put("file", pair.origin().file().toString());
        line.put("line", pair.origin().line());
        return line;
    }
}
