package io.github.dpo4j.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.data.DatasetReader;
import io.github.dpo4j.data.Origin;
import io.github.dpo4j.data.PromptExample;
import io.github.dpo4j.generate.Sampler;
import io.github.dpo4j.recipe.PromptCompletion;
import io.github.dpo4j.recipe.SampledCompletion;
import io.github.dpo4j.torch.Device;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code dpo4j generate}. */
@Command(
        name = "generate",
        description = "Continues prompts: a JSON line a completion with its ids and logps.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false)
final class GenerateCommand implements Callable<Integer> {
    @Mixin
    GenerationOptions options = new GenerationOptions();

    @Option(
            names = "--prompts",
            arity = "1..*",
            paramLabel = "DATA",
            description = "files with a prompt (or messages) a row")
    List<String> prompts = new ArrayList<>();

    @Option(names = "--prompt", paramLabel = "TEXT", description = "one prompt")
    @Nullable
    String prompt;

    @Option(names = "--output", paramLabel = "FILE", description = "JSON lines to write (default: standard output)")
    @Nullable
    Path output;

    @Mixin
    TorchOptions torch = new TorchOptions();

    @Override
    public Integer call() throws IOException {
        if (output != null) {
            JsonLines.prepare(output);
        }
        Device device = torch.start();
        List<PromptExample> examples = prompts();
        List<SampledCompletion> samples = new PromptCompletion(
                        options.model,
                        options.sampling(),
                        options.maxNewTokens,
                        options.completionsPerPrompt,
                        options.batchSize,
                        options.seed,
                        device,
                        torch.computeType(device),
                        new ConsoleObserver())
                .complete(examples);
        ObjectMapper json = new ObjectMapper();
        if (output == null) {
            for (SampledCompletion sample : samples) {
                System.out.println(json.writeValueAsString(line(json, sample)));
            }
        } else {
            JsonLines.write(output, samples, sample -> line(json, sample));
        }
        return 0;
    }

    private List<PromptExample> prompts() {
        if ((prompt == null) == prompts.isEmpty()) {
            throw new UserError("generate takes either --prompts FILE or --prompt TEXT");
        }
        return prompt == null
                ? DatasetReader.failing().prompts(prompts).examples()
                : List.of(new PromptExample.Plain(new Origin(Path.of("--prompt"), 1), prompt));
    }

    private static ObjectNode line(ObjectMapper json, SampledCompletion sample) {
        Sampler.Sample drawn = sample.sample();
        ObjectNode line = json.createObjectNode();
        line.set("prompt", sample.promptAsJson());
        line.put("completion", drawn.text());
        line.set("completion_ids", json.valueToTree(drawn.completion().ids()));
        line.set("logps", json.valueToTree(drawn.completion().logps()));
        line.put("finish_reason", drawn.completion().finishReason().name().toLowerCase(Locale.ROOT));
        return line;
    }
}
