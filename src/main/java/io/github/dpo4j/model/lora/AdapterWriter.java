package io.github.dpo4j.model.lora;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.file.AtomicFiles;
import io.github.dpo4j.model.LinearModule;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.model.ModelWeights;
import io.github.dpo4j.model.StoredWeights;
import io.github.dpo4j.safetensors.DType;
import io.github.dpo4j.safetensors.SafetensorsWriter;
import io.github.dpo4j.safetensors.TensorSpec;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;

/** Writes an adapter as PEFT does, so that it loads there. */
public final class AdapterWriter {
    private AdapterWriter() {}

    /**
     * Writes an adapter's files into {@code target}, which exists.
     *
     * @param source of the base, or the adapter that was trained on
     * @param dtype of the tensors
     */
    public static void write(ModelWeights.Adapted adapted, ModelFolder source, Path target, DType dtype)
            throws IOException {
        Map<String, String> nameInModel = new HashMap<>();
        List<TensorSpec> specs = new ArrayList<>();
        for (TensorSpec tensor : adapted.adapter().tensors()) {
            String name = AdapterFolder.WRAPPED + source.moduleName(tensor.name());
            nameInModel.put(name, tensor.name());
            specs.add(new TensorSpec(name, dtype, tensor.shape()));
        }
        specs.sort((a, b) -> a.name().compareTo(b.name()));
        SafetensorsWriter.write(target.resolve(AdapterFolder.WEIGHTS), specs, Map.of("format", "pt"), (spec, sink) -> {
            try (TensorScope _ = new TensorScope();
                    NoGrad _ = new NoGrad()) {
                Tensor weight = adapted.parameters().weight(nameInModel.getOrDefault(spec.name(), spec.name()));
                sink.write(Tensors.bytesOf(weight.detach()
                        .to(StoredWeights.type(spec.dtype()))
                        .cpu()
                        .contiguous()));
            }
        });
        ObjectNode config =
                source.adapter().map(AdapterFolder::writable).orElseGet(() -> config(adapted.adapter(), source));
        config.put(
                "base_model_name_or_path",
                source.path().toAbsolutePath().normalize().toString());
        // Last, so that a folder with a config is a whole one.
        AtomicFiles.writeText(
                target.resolve(AdapterFolder.CONFIG),
                new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(config) + "\n");
    }

    private static ObjectNode config(Adapter adapter, ModelFolder source) {
        LoraSettings settings = adapter.settings();
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.put("peft_type", "LORA");
        config.put("task_type", "CAUSAL_LM");
        config.put("inference_mode", true);
        config.put("r", settings.rank());
        config.put("lora_alpha", settings.alpha());
        config.put("lora_dropout", settings.dropout());
        config.put("bias", "none");
        config.put("use_rslora", settings.rankStabilized());
        config.put("use_dora", settings.dora());
        config.put(
                "fan_in_fan_out",
                switch (source.settings().linears()) {
                    case OUT_IN -> false;
                    case IN_OUT -> true;
                });
        ArrayNode targets = config.putArray("target_modules");
        targetModules(adapter, source).forEach(targets::add);
        if (adapter.saved().isEmpty()) {
            config.putNull("modules_to_save");
        } else {
            ArrayNode saved = config.putArray("modules_to_save");
            // Whole names: PEFT takes "norm" for every module whose name ends so, input_layernorm among them.
            adapter.saved().stream()
                    .map(tensor -> source.moduleName(Adapter.owner(tensor.name())))
                    .distinct()
                    .forEach(saved::add);
        }
        return config;
    }

    /** Returns the last parts of names where those mean just these modules, as people write them; else whole names. */
    private static List<String> targetModules(Adapter adapter, ModelFolder source) {
        Set<String> chosen =
                adapter.modules().stream().map(module -> module.linear().name()).collect(Collectors.toSet());
        List<String> shortest = chosen.stream()
                .map(name -> name.substring(name.lastIndexOf('.') + 1))
                .distinct()
                .sorted()
                .toList();
        LoraTargets named = new LoraTargets.Named(shortest);
        boolean exact = source.linears().stream()
                .filter(named::has)
                .map(LinearModule::name)
                .allMatch(chosen::contains);
        return exact
                ? shortest
                : chosen.stream().map(source::moduleName).sorted().toList();
    }
}
