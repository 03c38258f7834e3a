package io.github.dpo4j.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.file.AtomicFiles;
import io.github.dpo4j.safetensors.DType;
import io.github.dpo4j.safetensors.Layout;
import io.github.dpo4j.safetensors.SafetensorsWriter;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/** Writes a trained model as the folder it came from: the same files, names and dtypes, the tokenizer's files byte for byte. */
public final class ModelWriter {
    private static final List<String> TEXT = List.of(
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "vocab.json",
            "merges.txt",
            "tokenizer.model",
            "chat_template.jinja");

    private ModelWriter() {}

    /**
     * Writes {@code model}, loaded from {@code source}, as a whole model into {@code target}: with its adapter merged, if it has
     * one. {@code dtype} replaces the files' own where given.
     */
    public static void write(CausalLm model, ModelFolder source, Path target, Optional<DType> dtype)
            throws IOException {
        try (Merge merge = Merge.of(model.weights(), source)) {
            write(merge, source, target, dtype);
        }
    }

    /** Writes the whole model that the base in {@code source} and an adapter are together. */
    public static void write(ModelWeights.Adapted adapted, ModelFolder source, Path target, Optional<DType> dtype)
            throws IOException {
        try (Merge merge = Merge.of(adapted, source)) {
            write(merge, source, target, dtype);
        }
    }

    private static void write(Merge merge, ModelFolder source, Path target, Optional<DType> dtype) throws IOException {
        Files.createDirectories(target);
        Layout files = withoutBuffers(source, merge.unties() ? merge.withHead(source.layout()) : source.layout());
        Layout layout = dtype.map(files::withFloats).orElse(files);
        SafetensorsWriter.writeFolder(target, layout, (spec, sink) -> {
            try (TensorScope _ = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                Tensor stored = merge.weight(spec.name())
                        .detach()
                        .to(StoredType.of(spec.dtype(), spec.name()))
                        .cpu()
                        .contiguous();
                sink.write(Tensors.bytesOf(stored));
            }
        });
        copyText(source.text(), target);
        copy("generation_config.json", source.path(), target);
        // Last, so that a folder with a config is a whole one.
        byte[] config = Files.readAllBytes(source.path().resolve("config.json"));
        boolean changed = dtype.isPresent() || merge.unties();
        byte[] written = changed ? changed(source.config(), dtype, merge.unties()) : config;
        AtomicFiles.write(target.resolve("config.json"), out -> out.write(written));
    }

    /** Copies the tokenizer's files, byte for byte. */
    public static void copyText(Path source, Path target) throws IOException {
        for (String file : TEXT) {
            copy(file, source, target);
        }
    }

    private static void copy(String file, Path source, Path target) throws IOException {
        Path from = source.resolve(file);
        if (Files.isRegularFile(from)) {
            AtomicFiles.write(target.resolve(file), out -> Files.copy(from, out));
        }
    }

    private static Layout withoutBuffers(ModelFolder source, Layout layout) {
        List<Layout.File> files = layout.files().stream()
                .map(file -> new Layout.File(
                        file.name(),
                        file.metadata(),
                        file.tensors().stream()
                                .filter(tensor -> !source.family().isBuffer(tensor.name()))
                                .toList()))
                .toList();
        return new Layout(files, layout.totalParameters());
    }

    private static byte[] changed(ModelConfig config, Optional<DType> dtype, boolean untied) throws IOException {
        ObjectNode json = config.json().deepCopy();
        dtype.ifPresent(type -> json.put(json.has("dtype") ? "dtype" : "torch_dtype", configName(type)));
        if (untied) {
            json.put("tie_word_embeddings", false);
        }
        return new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsBytes(json);
    }

    private static String configName(DType dtype) {
        return switch (dtype) {
            case F64 -> "float64";
            case F32 -> "float32";
            case F16 -> "float16";
            case BF16 -> "bfloat16";
            case I64, I32, I16, I8, U8, BOOL -> throw new IllegalArgumentException("no weights are " + dtype);
        };
    }
}
