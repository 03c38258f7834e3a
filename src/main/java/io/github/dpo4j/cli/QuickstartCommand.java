package io.github.dpo4j.cli;

import io.github.dpo4j.UserError;
import io.github.dpo4j.recipe.QuickstartRecipe;
import io.github.dpo4j.recipe.QuickstartResult;
import io.github.dpo4j.recipe.QuickstartSettings;
import io.github.dpo4j.torch.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code dpo4j quickstart}. */
@Command(
        name = "quickstart",
        description = "Runs SFT, DPO and evaluation on the embedded stories15M: stories become happier.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false)
final class QuickstartCommand implements Callable<Integer> {
    @Option(names = "--config", paramLabel = "FILE", description = "YAML file with the same keys; flags win over it")
    @Nullable
    Path config;

    @Option(
            names = "--output",
            paramLabel = "FOLDER",
            defaultValue = "runs/quickstart",
            description = "folder of the run (default: ${DEFAULT-VALUE})")
    Path output = Path.of("runs/quickstart");

    @Option(names = "--overwrite", description = "replace the run in --output")
    boolean overwrite;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "42", description = "(default: ${DEFAULT-VALUE})")
    long seed;

    @Mixin
    TorchOptions torch = new TorchOptions();

    @Override
    public Integer call() throws IOException {
        Path home = Path.of(System.getProperty("dpo4j.home", "."));
        if (!Files.isDirectory(home.resolve("models/stories15M"))) {
            throw new UserError("quickstart finds no models/stories15M in " + home.toAbsolutePath()
                    + "; start it with ./dpo4j of a clone of the project");
        }
        if (!overwrite && Files.isDirectory(output) && hasEntries(output)) {
            throw new UserError(
                    output + " holds an earlier quickstart; add --overwrite to replace it, or --output FOLDER");
        }
        Device device = torch.start();
        QuickstartSettings settings =
                QuickstartSettings.usual(home, output, overwrite, seed, torch.computeType(device), device);
        Optional<QuickstartResult> result = new QuickstartRecipe(
                        settings, new ConsoleObserver(), StopSignal.INSTANCE.arm(), Clock.systemUTC())
                .run();
        if (result.isEmpty()) {
            System.err.println("the quickstart was stopped; --overwrite starts it again");
            return 1;
        }
        System.out.println();
        System.out.print(result.get().table());
        System.out.println("report                     " + output.resolve("report.html"));
        return 0;
    }

    private static boolean hasEntries(Path folder) throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.findAny().isPresent();
        }
    }
}
