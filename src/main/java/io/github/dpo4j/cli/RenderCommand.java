package io.github.dpo4j.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.data.DatasetReader;
import io.github.dpo4j.data.RenderExample;
import io.github.dpo4j.data.Rows;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.text.ModelText;
import io.github.dpo4j.text.RowRenderer;
import io.github.dpo4j.text.RowRenderer.Rendering;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code dpo4j render}: needs the tokenizer's files alone. */
@Command(
        name = "render",
        description = "Writes what the model would see: conversations through the chat template, texts with the"
                + " tokenizer's special tokens; a JSON line a row with text and ids, or with error.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false)
final class RenderCommand implements Callable<Integer> {
    @Option(names = "--config", paramLabel = "FILE", description = "YAML file with the same keys; flags win over it")
    @Nullable
    Path config;

    @Option(
            names = "--model",
            required = true,
            paramLabel = "MODEL",
            description = "folder with a tokenizer and, for conversations, a chat template")
    Path model = Path.of("");

    @Option(
            names = "--dataset",
            required = true,
            arity = "1..*",
            paramLabel = "DATA",
            description = "rows of messages or text: files (.jsonl, .json, .gz), globs or folders")
    List<String> datasets = new ArrayList<>();

    @Option(names = "--add-generation-prompt", description = "end conversations with the opening of an assistant turn")
    boolean addGenerationPrompt;

    @Option(
            names = "--on-bad-row",
            paramLabel = "WHAT",
            defaultValue = "fail",
            description = "fail, or skip into OUTPUT.skipped (default: ${DEFAULT-VALUE})")
    String onBadRow = "fail";

    @Option(names = "--output", required = true, paramLabel = "FILE", description = "JSON lines to write")
    Path output = Path.of("");

    @Override
    public Integer call() {
        JsonLines.prepare(output);
        DatasetReader reader = switch (Parsing.onBadRow(onBadRow)) {
            case FAIL -> DatasetReader.failing();
            case SKIP -> DatasetReader.skipping(JsonLines.skipped(output));
        };
        try (ModelText text = ModelText.of(ModelFolder.textIn(model))) {
            Rows<RenderExample> rows = reader.renderings(datasets);
            List<Rendering> rendered =
                    new RowRenderer(text.tokenizer(), text.renderer(), addGenerationPrompt).render(rows.examples());
            System.err.println(rows.summary());
            long refused = rendered.stream()
                    .filter(Rendering.Refused.class::isInstance)
                    .count();
            if (refused > 0) {
                System.err.println("the chat template refused " + refused + " of them; their lines say why");
            }
            ObjectMapper json = new ObjectMapper();
            JsonLines.write(output, rendered, row -> line(json, row));
        }
        return 0;
    }

    private static ObjectNode line(ObjectMapper json, Rendering rendering) {
        ObjectNode line = json.createObjectNode();
        switch (rendering) {
            case Rendering.Shown(String text, int[] ids) -> {
                line.put("text", text);
                line.set("ids", json.valueToTree(ids));
            }
            case Rendering.Refused(String message) -> line.put("error", message);
        }
        return line;
    }
}
