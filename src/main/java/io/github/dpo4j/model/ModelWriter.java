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
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/** Writes a trained model as the folder it came from: the same files, names and dtypes, the tokenizer's files byte for byte. */
public final class ModelWriter {
    private static final List<String> COPIED = List.of(
            "generation_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "vocab.json",
            "merges.txt",
            "tokenizer.model",
            "chat_template.jinja");

    private ModelWriter() {}

    /** Writes {@code model}, loaded from {@code source}, into {@code target}; {@code dtype} replaces the files' own where given. */
    public static void write(CausalLm model, ModelFolder source, Path target, Optional<DType> dtype)
            throws IOException {
        Files.createDirectories(target);
        WeightNames names = source.family()
                .names(source.settings(), model.parameters().byName().keySet());
        Layout layout =
                withoutBuffers(source, dtype.map(source.layout()::withFloats).orElse(source.layout()));
        Map<String, Tensor> weights = model.parameters().byName();
        SafetensorsWriter.writeFolder(target, layout, (spec, sink) -> {
            String name = source.isTiedHead(names, spec.name()) ? names.embedding() + ".weight" : spec.name();
            Tensor weight = weights.get(name);
            if (weight == null) {
                throw new IllegalStateException("no weights for tensor " + spec.name());
            }
            try (TensorScope _ = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                Tensor stored = weight.detach()
                        .to(StoredType.of(spec.dtype(), spec.name()))
                        .cpu()
                        .contiguous();
                sink.write(Tensors.bytesOf(stored));
            }
        });
        for (String file : COPIED) {
            Path from = source.path().resolve(file);
            if (Files.isRegularFile(from)) {
                AtomicFiles.write(target.resolve(file), out -> Files.copy(from, out));
            }
        }
        // Last, so that a folder with a config is a whole one.
        byte[] config = Files.readAllBytes(source.path().resolve("config.json"));
        AtomicFiles.write(
                target.resolve("config.json"),
                out -> out.write(dtype.isPresent() ? withDtype(source.config(), dtype.get()) : config));
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

    private static byte[] withDtype(ModelConfig config, DType dtype) throws IOException {
        ObjectNode json = config.json().deepCopy();
        json.put(json.has("dtype") ? "dtype" : "torch_dtype", configName(dtype));
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
