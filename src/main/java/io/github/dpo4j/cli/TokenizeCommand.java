package io.github.dpo4j.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.model.ModelConfig;
import io.github.dpo4j.model.ModelFamily;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.recipe.PairSource;
import io.github.dpo4j.text.ModelText;
import io.github.dpo4j.text.TokenizedPair;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code dpo4j tokenize}: needs no weights. */
@Command(
        name = "tokenize",
        description = "Writes what training would see: a JSON line a pair with prompt_ids, chosen_ids, rejected_ids.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false)
final class TokenizeCommand implements Callable<Integer> {
    @Mixin
    ModelOptions options = new ModelOptions();

    @Override
    public Integer call() throws IOException {
        JsonLines.prepare(options.output);
        ModelConfig config = ModelConfig.read(ModelFolder.modelIn(options.model));
        try (ModelText text = ModelText.of(ModelFolder.textIn(options.model))) {
            PairSource.Pairs pairs = new PairSource(
                            options.maxLength(),
                            options.maxPromptLength(),
                            Parsing.truncation(options.truncationMode),
                            Parsing.onBadRow(options.onBadRow))
                    .read(
                            text,
                            ModelFamily.of(config).settings(config),
                            options.datasets,
                            JsonLines.skipped(options.output));
            System.err.println(pairs.rows().summary());
            System.err.println(pairs.tokenized().report().summary());
            ObjectMapper json = new ObjectMapper();
            JsonLines.write(options.output, pairs.tokenized().pairs(), pair -> line(json, pair));
        }
        return 0;
    }

    private static ObjectNode line(ObjectMapper json, TokenizedPair pair) {
        ObjectNode line = json.createObjectNode();
        line.set("prompt_ids", json.valueToTree(pair.promptIds()));
        line.set("chosen_ids", json.valueToTree(pair.chosenIds()));
        line.set("rejected_ids", json.valueToTree(pair.rejectedIds()));
        line.put("file", pair.origin().file().toString());
        line.put("line", pair.origin().line());
        return line;
    }
}
