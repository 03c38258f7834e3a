package io.github.dpo4j.safetensors;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Which file of a model folder holds which tensors, in order: what a writer needs to give a folder the same shape again.
 *
 * @param files either {@code model.safetensors} alone or shards, which an index names; each holds its tensors in byte order
 * @param totalParameters what transformers notes in the index next to the size: tied weights counted once; absent in others
 */
public record Layout(List<File> files, OptionalLong totalParameters) {
    /** A safetensors file: its plain name, its {@code __metadata__} (in order; empty for none) and its tensors in byte order. */
    public record File(String name, Map<String, String> metadata, List<TensorSpec> tensors) {
        public File {
            metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
            tensors = List.copyOf(tensors);
        }

        static File of(String name, SafetensorsFile file) {
            return new File(
                    name,
                    file.metadata(),
                    file.tensors().values().stream().map(TensorInfo::spec).toList());
        }
    }

    /** Throws IllegalArgumentException for file names that are unsafe, repeated or ambiguous, and for repeated tensors. */
    public Layout {
        files = List.copyOf(files);
        Set<String> names = new HashSet<>();
        Set<String> tensors = new HashSet<>();
        for (File file : files) {
            if (!ShardIndex.isPlainName(file.name()) || !names.add(file.name())) {
                throw new IllegalArgumentException("not a new plain file name: " + Words.quoted(file.name()));
            }
            for (TensorSpec tensor : file.tensors()) {
                if (!tensors.add(tensor.name())) {
                    throw new IllegalArgumentException("two tensors have the name " + Words.quoted(tensor.name()));
                }
            }
        }
        if (files.isEmpty() || (files.size() > 1 && names.contains(SafetensorsFolder.SINGLE))) {
            throw new IllegalArgumentException("a layout is either " + SafetensorsFolder.SINGLE + " alone or shards");
        }
    }

    /** All tensors in {@code model.safetensors}. */
    public static Layout single(Map<String, String> metadata, List<TensorSpec> tensors) {
        return new Layout(List.of(new File(SafetensorsFolder.SINGLE, metadata, tensors)), OptionalLong.empty());
    }

    /** Whether an index belongs to the files. */
    public boolean sharded() {
        return !files.getFirst().name().equals(SafetensorsFolder.SINGLE);
    }

    /** Bytes of all tensors, without headers. */
    public long bytes() {
        return files.stream()
                .flatMap(file -> file.tensors().stream())
                .mapToLong(TensorSpec::bytes)
                .sum();
    }

    /**
     * The layout with all float tensors as {@code floats}. Wider elements come first in a file, as the reference library
     * orders them, so that every tensor stays aligned; a file of one dtype keeps its order.
     */
    public Layout withFloats(DType floats) {
        if (!floats.isFloat()) {
            throw new IllegalArgumentException(floats + " is not a float dtype");
        }
        List<File> converted = new ArrayList<>();
        for (File file : files) {
            List<TensorSpec> tensors = file.tensors().stream()
                    .map(tensor -> tensor.withFloats(floats))
                    .sorted(Comparator.comparingInt(
                                    (TensorSpec tensor) -> tensor.dtype().bytes())
                            .reversed())
                    .toList();
            converted.add(new File(file.name(), file.metadata(), tensors));
        }
        return new Layout(converted, totalParameters);
    }
}
