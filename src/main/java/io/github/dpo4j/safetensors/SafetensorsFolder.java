package io.github.dpo4j.safetensors;

import io.github.dpo4j.UserError;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The weights of a Hugging Face model folder: {@code model.safetensors} or, where that is absent, the shards that
 * {@code model.safetensors.index.json} names (transformers looks in this order too). Pickled weights are never read: they
 * can run code.
 */
public final class SafetensorsFolder implements AutoCloseable {
    static final String SINGLE = "model.safetensors";

    private final Path folder;
    private final SortedMap<String, SafetensorsFile> files;
    private final Map<String, SafetensorsFile> fileOfTensor = new LinkedHashMap<>();
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    private final OptionalLong totalParameters;

    private SafetensorsFolder(Path folder, SortedMap<String, SafetensorsFile> files, OptionalLong totalParameters) {
        this.folder = folder;
        this.files = files;
        this.totalParameters = totalParameters;
        for (SafetensorsFile file : files.values()) {
            tensors.putAll(file.tensors());
            file.tensors().keySet().forEach(name -> fileOfTensor.put(name, file));
        }
    }

    /** Opens the weights in {@code folder}; throws UserError if there are none, or if they are incomplete or broken. */
    public static SafetensorsFolder open(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new UserError(folder + ": there is no such folder; give the path of a Hugging Face model folder");
        }
        if (isThere(folder.resolve(SINGLE))) {
            return open(folder, Map.of(), List.of(SINGLE), OptionalLong.empty());
        }
        if (isThere(folder.resolve(ShardIndex.NAME))) {
            ShardIndex index = ShardIndex.read(inside(folder, ShardIndex.NAME));
            return open(folder, index.weightMap(), index.files(), index.totalParameters());
        }
        throw noWeights(folder);
    }

    private static SafetensorsFolder open(
            Path folder, Map<String, String> weightMap, Iterable<String> names, OptionalLong totalParameters) {
        SortedMap<String, SafetensorsFile> files = new TreeMap<>();
        try {
            for (String name : names) {
                files.put(name, SafetensorsFile.open(inside(folder, name)));
            }
            if (!weightMap.isEmpty()) {
                checkAgainst(weightMap, folder, files);
            }
            return new SafetensorsFolder(folder, files, totalParameters);
        } catch (RuntimeException e) {
            files.values().forEach(SafetensorsFile::close);
            throw e;
        }
    }

    private static void checkAgainst(
            Map<String, String> weightMap, Path folder, SortedMap<String, SafetensorsFile> files) {
        weightMap.forEach((tensor, name) -> {
            SafetensorsFile file = files.get(name);
            if (file == null || !file.tensors().containsKey(tensor)) {
                throw Header.broken(
                        folder.resolve(name),
                        "tensor " + Words.quoted(tensor) + " is missing, though " + ShardIndex.NAME
                                + " places it here");
            }
        });
        files.forEach((name, file) -> {
            for (String tensor : file.tensors().keySet()) {
                if (!name.equals(weightMap.get(tensor))) {
                    throw Header.broken(
                            folder.resolve(name),
                            "tensor " + Words.quoted(tensor) + " is here, but " + ShardIndex.NAME
                                    + " does not place it here");
                }
            }
        });
    }

    private static boolean isThere(Path file) {
        return Files.exists(file, LinkOption.NOFOLLOW_LINKS);
    }

    /**
     * The file {@code name} of {@code folder}, unless it is a link that leaves the folder: a downloaded folder must not make
     * us open any file of this machine. The Hugging Face cache is the exception; there all files of
     * {@code models--x/snapshots/revision} are links into {@code models--x/blobs}.
     */
    private static Path inside(Path folder, String name) {
        Path file = folder.resolve(name);
        if (!isThere(file)) {
            throw Header.broken(file, "this file is missing, though " + ShardIndex.NAME + " names it");
        }
        try {
            Path realFolder = folder.toRealPath();
            Path realFile = file.toRealPath();
            if (realFile.startsWith(realFolder)
                    || blobs(realFolder).filter(realFile::startsWith).isPresent()) {
                return file;
            }
            throw new UserError(file + ": is a link to " + Words.oneLine(realFile.toString())
                    + ", outside its folder; put the file itself there");
        } catch (IOException e) {
            throw new UserError(
                    file + ": cannot be followed (" + Words.reason(e) + "); download the file again or put it there",
                    e);
        }
    }

    private static Optional<Path> blobs(Path realFolder) {
        Path snapshots = realFolder.getParent();
        return snapshots != null && snapshots.endsWith("snapshots")
                ? Optional.of(snapshots.resolveSibling("blobs"))
                : Optional.empty();
    }

    private static UserError noWeights(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            Optional<String> pickle = entries.map(entry -> entry.getFileName().toString())
                    .filter(name -> name.matches(".*\\.(bin|pt|pth|ckpt)"))
                    .sorted()
                    .findFirst();
            return new UserError(pickle.map(name -> folder + ": the weights are pickled (" + Words.oneLine(name)
                            + "), which dpo4j never reads because a pickle can run code; load the model in Python and call"
                            + " save_pretrained(folder, safe_serialization=True), or download a safetensors version")
                    .orElse(folder + ": has neither " + SINGLE + " nor " + ShardIndex.NAME
                            + "; give the path of a Hugging Face model folder"));
        } catch (IOException | UncheckedIOException e) {
            return new UserError(folder + ": cannot be listed; check its permissions", e);
        }
    }

    public Path path() {
        return folder;
    }

    /** The tensors by name, file after file and in each in the order of their bytes. */
    public Map<String, TensorInfo> tensors() {
        return Collections.unmodifiableMap(tensors);
    }

    /** As {@link SafetensorsFile#data}; the mapped bytes need no memory of the JVM's. */
    public MemorySegment data(String name) {
        SafetensorsFile file = fileOfTensor.get(name);
        if (file == null) {
            throw new IllegalArgumentException(folder + " has no tensor " + Words.quoted(name));
        }
        return file.data(name);
    }

    public Layout layout() {
        List<Layout.File> layout = new ArrayList<>();
        files.forEach((name, file) -> layout.add(Layout.File.of(name, file)));
        return new Layout(layout, totalParameters);
    }

    @Override
    public void close() {
        files.values().forEach(SafetensorsFile::close);
    }
}
