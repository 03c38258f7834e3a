package io.github.dpo4j.checkpoint;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.file.AtomicFiles;
import io.github.dpo4j.file.Folders;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.safetensors.DType;
import io.github.dpo4j.safetensors.SafetensorsFile;
import io.github.dpo4j.safetensors.SafetensorsWriter;
import io.github.dpo4j.safetensors.Sha256;
import io.github.dpo4j.safetensors.TensorSpec;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * The folder checkpoints/ of a run: step-N folders with weights.safetensors and optimizer.safetensors (float32, bit for bit) and
 * manifest.json, which comes last. A folder is written under another name and renamed when all is on the disk, so step-N is
 * whole or absent.
 */
public final class Checkpoints {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int FORMAT = 1;
    private static final String PREFIX = "step-";
    private static final String WEIGHTS = "weights.safetensors";
    private static final String OPTIMIZER = "optimizer.safetensors";
    private static final String REFERENCE = "reference.safetensors";
    private static final String MANIFEST = "manifest.json";

    private final Path folder;
    private final Map<String, String> settings;
    /** The weights of a reference that moves; none where it stays as it is. */
    private final Map<String, Tensor> reference;

    /** {@code settings} are those that decide the numbers of a run; a checkpoint of other ones is refused. */
    public Checkpoints(Path folder, Map<String, String> settings) {
        this(folder, settings, Map.of());
    }

    private Checkpoints(Path folder, Map<String, String> settings, Map<String, Tensor> reference) {
        this.folder = folder;
        this.settings = new LinkedHashMap<>(settings);
        this.reference = new LinkedHashMap<>(reference);
    }

    /** Returns checkpoints that also hold a reference's float32 weights, in reference.safetensors. */
    public Checkpoints withReference(Map<String, Tensor> weights) {
        return new Checkpoints(folder, settings, weights);
    }

    private List<String> files() {
        return reference.isEmpty() ? List.of(WEIGHTS, OPTIMIZER) : List.of(WEIGHTS, OPTIMIZER, REFERENCE);
    }

    /** Writes step-N, durably, and then removes the oldest beyond {@code totalLimit} (0 keeps all). */
    public Path write(TrainState state, Parameters parameters, Map<String, Tensor> optimizerStates, int totalLimit)
            throws IOException {
        Files.createDirectories(folder);
        deleteUnfinished();
        Path target = folder.resolve(PREFIX + state.step());
        Path temporary = folder.resolve("." + PREFIX + state.step() + ".tmp");
        try {
            Files.createDirectory(temporary);
            writeBuffers(temporary.resolve(WEIGHTS), parameters, Map.of("", parameters.flat()));
            Map<String, Tensor> prefixed = new LinkedHashMap<>();
            optimizerStates.forEach((name, buffer) -> prefixed.put(name + "/", buffer));
            writeBuffers(temporary.resolve(OPTIMIZER), parameters, prefixed);
            if (!reference.isEmpty()) {
                write(temporary.resolve(REFERENCE), reference);
            }
            AtomicFiles.writeText(temporary.resolve(MANIFEST), manifest(state, temporary));
            AtomicFiles.syncFolder(temporary);
            Folders.delete(target);
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
            AtomicFiles.syncFolder(folder);
        } finally {
            Folders.delete(temporary);
        }
        prune(totalLimit);
        return target;
    }

    /** Removes what a kill in the middle of an earlier write left. */
    private void deleteUnfinished() throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            for (Path entry : entries.toList()) {
                String name = entry.getFileName().toString();
                if (name.startsWith("." + PREFIX) && name.endsWith(".tmp")) {
                    Folders.delete(entry);
                }
            }
        }
    }

    private static void writeBuffers(Path file, Parameters parameters, Map<String, Tensor> buffers) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        try (TensorScope _ = new TensorScope()) {
            buffers.forEach((prefix, buffer) -> parameters
                    .byName()
                    .keySet()
                    .forEach(name -> tensors.put(prefix + name, parameters.part(buffer, name))));
            write(file, tensors);
        }
    }

    private static void write(Path file, Map<String, Tensor> tensors) {
        List<TensorSpec> specs = new ArrayList<>();
        tensors.forEach((name, tensor) -> specs.add(new TensorSpec(name, DType.F32, Tensors.shape(tensor))));
        SafetensorsWriter.write(file, specs, Map.of(), (spec, sink) -> {
            Tensor part = tensors.get(spec.name());
            if (part == null) {
                throw new IllegalStateException("no tensor " + spec.name());
            }
            try (TensorScope _ = new TensorScope()) {
                sink.write(Tensors.bytesOf(part.detach().cpu().contiguous()));
            }
        });
    }

    private String manifest(TrainState state, Path written) throws IOException {
        ObjectNode json = JSON.createObjectNode();
        json.put("format", FORMAT);
        json.set("state", JSON.valueToTree(state));
        json.set("settings", JSON.valueToTree(settings));
        ObjectNode files = json.putObject("files");
        for (String name : files()) {
            files.put(name, Sha256.of(written.resolve(name)));
        }
        return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json) + "\n";
    }

    /** Returns the whole checkpoint with the most steps; half-written ones, which have no manifest, do not count. */
    public Optional<Path> latest() throws IOException {
        return whole().stream().findFirst();
    }

    /** Returns all whole checkpoints, the one with the most steps first. */
    private List<Path> whole() throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(path -> step(path) >= 0 && Files.isRegularFile(path.resolve(MANIFEST)))
                    .sorted(Comparator.comparingLong(Checkpoints::step).reversed())
                    .toList();
        }
    }

    private static long step(Path path) {
        String name = path.getFileName().toString();
        return name.matches(PREFIX + "\\d{1,15}") ? Long.parseLong(name.substring(PREFIX.length())) : -1;
    }

    /**
     * Puts a checkpoint's weights and optimizer states into their buffers, bit for bit.
     *
     * @throws UserError if it was made with other settings (naming the keys that differ) or its files are not what it wrote
     */
    public TrainState restore(Path checkpoint, Parameters parameters, Map<String, Tensor> optimizerStates)
            throws IOException {
        Complete manifest = read(checkpoint.resolve(MANIFEST));
        refuseOtherSettings(checkpoint, manifest.settings(), settings);
        for (Map.Entry<String, String> file : manifest.files().entrySet()) {
            Path path = checkpoint.resolve(Path.of(file.getKey()).getFileName().toString());
            if (!Files.isRegularFile(path) || !Sha256.of(path).equals(file.getValue())) {
                throw new UserError(path + " is not the file that the checkpoint's manifest.json names;" + " delete "
                        + checkpoint + " to resume from the checkpoint before it");
            }
        }
        readBuffers(checkpoint.resolve(WEIGHTS), parameters, Map.of("", parameters.flat()));
        parameters.changed();
        Map<String, Tensor> prefixed = new LinkedHashMap<>();
        optimizerStates.forEach((name, buffer) -> prefixed.put(name + "/", buffer));
        readBuffers(checkpoint.resolve(OPTIMIZER), parameters, prefixed);
        if (!reference.isEmpty()) {
            read(checkpoint.resolve(REFERENCE), reference);
        }
        return manifest.state();
    }

    private record Manifest(
            int format,
            @Nullable TrainState state,
            @Nullable Map<String, String> settings,
            @Nullable Map<String, String> files) {}

    /** A manifest of which nothing is missing. */
    private record Complete(TrainState state, Map<String, String> settings, Map<String, String> files) {}

    private Complete read(Path file) throws IOException {
        try {
            Manifest manifest = JSON.readValue(Files.readAllBytes(file), Manifest.class);
            if (manifest != null && manifest.format() != FORMAT) {
                throw new UserError(file + " has format " + manifest.format() + ", but this dpo4j reads " + FORMAT);
            }
            // A file that the manifest does not name would be read unchecked.
            if (manifest == null
                    || manifest.state() == null
                    || manifest.state().pending() == null
                    || manifest.settings() == null
                    || manifest.files() == null
                    || !manifest.files().keySet().equals(Set.copyOf(files()))) {
                throw new UserError(file + " is not a whole checkpoint's manifest; delete its folder to resume from the"
                        + " checkpoint before it");
            }
            return new Complete(manifest.state(), manifest.settings(), manifest.files());
        } catch (JacksonException e) {
            throw new UserError(file + " is not a checkpoint's manifest: " + e.getOriginalMessage(), e);
        }
    }

    /** Throws {@link UserError} naming the keys in which {@code written}, found at {@code where}, and {@code settings} differ. */
    public static void refuseOtherSettings(Path where, Map<String, String> written, Map<String, String> settings) {
        Set<String> keys = new HashSet<>(written.keySet());
        keys.addAll(settings.keySet());
        List<String> differing = keys.stream()
                .filter(key -> !written.getOrDefault(key, "(absent)").equals(settings.getOrDefault(key, "(absent)")))
                .sorted()
                .map(key -> key + " (was " + written.getOrDefault(key, "absent") + ", is "
                        + settings.getOrDefault(key, "absent") + ")")
                .toList();
        if (!differing.isEmpty()) {
            throw new UserError("--resume: " + where + " was made with other settings: " + String.join(", ", differing)
                    + "; give the same ones, or start anew with --overwrite");
        }
    }

    private static void readBuffers(Path file, Parameters parameters, Map<String, Tensor> buffers) {
        Map<String, Tensor> targets = new LinkedHashMap<>();
        try (TensorScope _ = new TensorScope()) {
            buffers.forEach((prefix, buffer) -> parameters
                    .byName()
                    .keySet()
                    .forEach(name -> targets.put(prefix + name, parameters.part(buffer, name))));
            read(file, targets);
        }
    }

    private static void read(Path file, Map<String, Tensor> targets) {
        try (SafetensorsFile tensors = SafetensorsFile.open(file);
                TensorScope _ = new TensorScope()) {
            targets.forEach((name, target) -> {
                if (!tensors.tensors().containsKey(name)) {
                    throw new UserError(file + " lacks '" + name + "'; it belongs to another model");
                }
                MemorySegment data = tensors.data(name);
                if (data.byteSize() != target.nbytes()) {
                    throw new UserError(file + ": '" + name + "' has another size than in the model");
                }
                Tensors.copyInto(target, data, ScalarType.Float);
            });
        }
    }

    private void prune(int totalLimit) throws IOException {
        List<Path> newestFirst = whole();
        for (int i = totalLimit; totalLimit > 0 && i < newestFirst.size(); i++) {
            // The manifest goes first: what is left of an interrupted removal is no checkpoint.
            Files.deleteIfExists(newestFirst.get(i).resolve(MANIFEST));
            Folders.delete(newestFirst.get(i));
        }
    }
}
