package io.github.dpo4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** docs/command-line.md knows every command and option that there is, with its default. */
class CommandLineDocTest {
    static Set<String> commands() {
        return new CommandLine(new Main()).getSubcommands().keySet();
    }

    @ParameterizedTest
    @MethodSource("commands")
    void everyOptionIsDocumentedWithItsDefault(String command) throws IOException {
        String doc = Files.readString(Path.of("docs/command-line.md"));
        assertThat(doc).contains("\n## " + command + "\n");
        CommandLine commandLine = Objects.requireNonNull(
                new CommandLine(new Main()).getSubcommands().get(command));
        for (OptionSpec option : commandLine.getCommandSpec().options()) {
            String name = option.longestName();
            assertThat(doc).as(command).contains("`" + name);
            if (option.defaultValue() != null && option.arity().max() > 0) {
                assertThat(doc.lines().filter(line -> line.startsWith("| `" + name)))
                        .as(name)
                        .anyMatch(line -> line.contains("| " + option.defaultValue() + " |"));
            }
        }
    }
}
