package io.github.dpo4j.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.data.DatasetReader;
import io.github.dpo4j.evaluate.Lexicon;
import io.github.dpo4j.recipe.PairBuilder;
import io.github.dpo4j.recipe.PromptCompletion;
import io.github.dpo4j.recipe.SampledCompletion;
import io.github.dpo4j.torch.Device;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code dpo4j sample}. */
@Command(
        name = "sample",
        description =
                "Makes preference data: completes prompts several times, scores the completions with a lexicon and"
                        + " pairs the best with the worst of each prompt.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false)
final class SampleCommand implements Callable<Integer> {
    @Mixin
    GenerationOptions options = new GenerationOptions();

    @Option(
            names = "--prompts",
            required = true,
            arity = "1..*",
            paramLabel = "DATA",
            description = "files with a prompt a row")
    List<String> prompts = new ArrayList<>();

    @Option(
            names = "--lexicon",
            required = true,
            paramLabel = "FILE",
            description = "lines of a word, a tab and its valence; a text scores s / sqrt(s^2 + 15) of their sum s")
    Path lexicon = Path.of("");

    @Option(
            names = "--min-gap",
            paramLabel = "SCORE",
            defaultValue = "0.5",
            description = "least difference of chosen and rejected (default: ${DEFAULT-VALUE})")
    double minGap;

    @Option(names = "--whole-sentences", description = "cut completions after their last whole sentence")
    boolean wholeSentences;

    @Option(names = "--output", required = true, paramLabel = "FILE", description = "JSON lines of pairs to write")
    Path output = Path.of("");

    @Mixin
    TorchOptions torch = new TorchOptions();

    @Override
    public Integer call() throws IOException {
        JsonLines.prepare(output);
        Device device = torch.start();
        PairBuilder builder = new PairBuilder(Lexicon.read(lexicon), minGap, wholeSentences);
        List<SampledCompletion> completions = new PromptCompletion(
                        options.model,
                        options.sampling(),
                        options.maxNewTokens,
                        options.completionsPerPrompt,
                        options.batchSize,
                        options.seed,
                        device,
                        torch.computeType(device),
                        new ConsoleObserver())
                .complete(DatasetReader.failing().prompts(prompts).examples());
        List<PairBuilder.ScoredPair> pairs = builder.pairs(completions);
        System.err.println(pairs.size() + " pairs of " + completions.size() + " completions");
        ObjectMapper json = new ObjectMapper();
        JsonLines.write(output, pairs, pair -> line(json, pair));
        return 0;
    }

    private static ObjectNode line(ObjectMapper json, PairBuilder.ScoredPair pair) {
        ObjectNode line = json.createObjectNode();
        line.set("prompt", pair.chosen().promptAsJson());
        line.put("chosen", pair.chosenText());
        line.put("rejected", pair.rejectedText());
        line.put("score_chosen", Math.round(pair.chosenScore() * 1e4) / 1e4);
        line.put("score_rejected", Math.round(pair.rejectedScore() * 1e4) / 1e4);
        return line;
    }
}
