package io.github.dpo4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dpo4j.recipe.TrainingSettings;
import io.github.dpo4j.train.Schedule;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The first line of a recipe is the command that runs it. Every one is parsed; those on the embedded model run, on a tiny one. */
class ShippedRecipesTest {
    private static final Path RECIPES = Path.of("recipes");
    private static final String FIRST_LINE = "# ./dpo4j ";
    private static final String GOLDEN = "src/test/resources/golden/llama/";

    static List<Path> recipes() throws IOException {
        try (Stream<Path> files = Files.list(RECIPES)) {
            return files.sorted().toList();
        }
    }

    @Test
    void thereAreRecipes() throws IOException {
        assertThat(recipes())
                .hasSizeGreaterThanOrEqualTo(3)
                .allMatch(file -> file.toString().endsWith(".yaml"));
    }

    @ParameterizedTest
    @MethodSource("recipes")
    void itsFirstLineIsACommandWhoseKeysAndValuesAreAccepted(Path recipe) throws IOException {
        String[] command = commandOf(recipe);
        assertThat(command).contains("--config", recipe.toString().replace('\\', '/'));
        CommandLine commandLine = new CommandLine(new Main());
        CommandLine.ParseResult parsed = commandLine.parseArgs(ConfigFile.expand(command, commandLine));
        TrainingSettings training = switch (parsed.subcommand().commandSpec().userObject()) {
            case DpoCommand dpo -> dpo.settings().training();
            case SftCommand sft -> sft.settings().training();
            case Object other -> throw new AssertionError(recipe + " runs " + other);
        };
        assertThat(Schedule.named(training.schedule(), training.warmupSteps().orElse(0), Long.MAX_VALUE))
                .isNotNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"stories-dpo.yaml", "stories-sft.yaml"})
    void runsOnATinyModel(String name, @TempDir Path folder) throws IOException {
        Path output = folder.resolve("run");
        List<String> args = new ArrayList<>(Arrays.asList(commandOf(RECIPES.resolve(name))));
        args.addAll(List.of("--model", GOLDEN + "policy", "--dataset", GOLDEN + "preferences.jsonl"));
        args.addAll(List.of("--eval-dataset", GOLDEN + "preferences.jsonl", "--output", output.toString()));
        args.addAll(List.of("--max-steps", "2", "--dtype", "float32", "--threads", "1"));
        StringWriter err = new StringWriter();

        int code = Main.run(args.toArray(String[]::new), new PrintWriter(err), new PrintWriter(err));

        assertThat(code).as(err.toString()).isZero();
        assertThat(output.resolve("model/model.safetensors")).isRegularFile();
        assertThat(output.resolve("model/tokenizer.json"))
                .hasSameBinaryContentAs(Path.of(GOLDEN, "policy/tokenizer.json"));
        assertThat(Files.readAllLines(output.resolve("metrics.jsonl")))
                .anyMatch(line -> line.startsWith("{\"split\":\"train\",\"step\":2,"))
                .anyMatch(line -> line.startsWith("{\"split\":\"eval\",\"step\":2,"));
        assertThat(output.resolve("report.html")).isNotEmptyFile();
    }

    private static String[] commandOf(Path recipe) throws IOException {
        String first = Files.readAllLines(recipe).getFirst();
        assertThat(first).startsWith(FIRST_LINE);
        return first.substring(FIRST_LINE.length()).split(" ", -1);
    }
}
