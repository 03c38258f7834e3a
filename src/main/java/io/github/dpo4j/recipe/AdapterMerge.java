package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.file.AtomicFiles;
import io.github.dpo4j.file.Folders;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.model.ModelWriter;
import io.github.dpo4j.safetensors.DType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Makes one model of a base and its adapter.
 *
 * @param output a folder that is empty or not there
 * @param dtype of the written floats; empty for what the base's files have
 */
public record AdapterMerge(Path adapter, Path output, Optional<DType> dtype, Device device) {
    /** Writes the whole folder, or nothing. */
    public void run() throws IOException {
        ModelFolder model = ModelFolder.open(adapter);
        if (model.adapter().isEmpty()) {
            throw new UserError(
                    adapter + " is a whole model; merge takes the folder of an adapter (with adapter_config.json"
                            + " and no config.json)");
        }
        Path target = output.toAbsolutePath().normalize();
        refuseOccupied(target);
        try (TensorScope _ = new TensorScope()) {
            Folders.replace(target, folder -> ModelWriter.write(model.loadAdapter(device), model, folder, dtype));
        } catch (IOException e) {
            throw new UserError("--output " + output + " cannot be written (" + AtomicFiles.reason(e) + ")", e);
        }
    }

    private void refuseOccupied(Path target) throws IOException {
        if (target.getFileName() == null) {
            throw new UserError("--output " + output + " is no folder that a model could be written to");
        }
        if (!Files.exists(target)) {
            return;
        }
        if (!Files.isDirectory(target)) {
            throw new UserError("--output " + output + " is a file; choose a folder");
        }
        try (Stream<Path> entries = Files.list(target)) {
            if (entries.findAny().isPresent()) {
                throw new UserError("--output " + output + " is not empty; choose another folder");
            }
        }
    }
}
