package io.github.dpo4j.cli;

import io.github.dpo4j.recipe.AdapterMerge;
import io.github.dpo4j.torch.Device;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code dpo4j merge}. */
@Command(
        name = "merge",
        description = "Writes the whole model that a base and its LoRA adapter are together.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false)
final class MergeCommand implements Callable<Integer> {
    @Option(names = "--config", paramLabel = "FILE", description = "YAML file with the same keys; flags win over it")
    @Nullable
    Path config;

    @Option(
            names = "--model",
            required = true,
            paramLabel = "ADAPTER",
            description = "folder with adapter_config.json and adapter_model.safetensors; the first names the base")
    Path model = Path.of("");

    @Option(names = "--output", required = true, paramLabel = "FOLDER", description = "model folder to write")
    Path output = Path.of("");

    @Option(
            names = "--save-dtype",
            paramLabel = "TYPE",
            description = "float32, bfloat16 or float16 of the written model (default: as the base's files)")
    @Nullable
    String saveDtype;

    @Override
    public Integer call() throws IOException {
        new AdapterMerge(model, output, Optional.ofNullable(saveDtype).map(Parsing::dtype), Device.of("cpu")).run();
        return 0;
    }
}
