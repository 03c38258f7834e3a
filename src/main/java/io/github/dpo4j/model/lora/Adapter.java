package io.github.dpo4j.model.lora;

import io.github.dpo4j.UserError;
import io.github.dpo4j.model.LinearModule;
import io.github.dpo4j.model.fused.FusedMemory;
import io.github.dpo4j.safetensors.DType;
import io.github.dpo4j.safetensors.TensorSpec;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * An adapter's shape.
 *
 * @param modules the linear layers that it adapts
 * @param saved the base's tensors that it replaces, as the base's files have them
 */
public record Adapter(LoraSettings settings, List<LoraModule> modules, List<TensorSpec> saved) {
    public Adapter {
        modules = List.copyOf(modules);
        saved = List.copyOf(saved);
    }

    /**
     * Returns the shape of a new adapter.
     *
     * @param linears of the base
     * @param tensors of the base
     * @throws UserError where the settings name nothing that the model has
     */
    public static Adapter of(LoraSettings settings, List<LinearModule> linears, List<TensorSpec> tensors) {
        Set<TensorSpec> saved = new LinkedHashSet<>();
        for (String module : settings.modulesToSave()) {
            List<TensorSpec> named = tensors.stream()
                    .filter(tensor -> isOf(module, tensor.name()))
                    .toList();
            if (named.isEmpty()) {
                throw new UserError("--lora-modules-to-save: the model has no weights of '" + module + "'; it has "
                        + shortNames(tensors.stream().map(TensorSpec::name)));
            }
            saved.addAll(named);
        }
        List<LoraModule> modules = linears.stream()
                .filter(linear -> settings.targets().has(linear))
                .filter(linear -> saved.stream().noneMatch(tensor -> isOf(linear.name(), tensor.name())))
                .map(linear -> module(settings, linear))
                .toList();
        if (settings.targets() instanceof LoraTargets.Named(List<String> names)) {
            for (String name : names) {
                if (linears.stream().noneMatch(linear -> new LoraTargets.Named(List.of(name)).has(linear))) {
                    throw nothing(name, linears);
                }
            }
        }
        if (modules.isEmpty()) {
            throw nothing(settings.targets().toString(), linears);
        }
        return new Adapter(settings, modules, List.copyOf(saved));
    }

    private static UserError nothing(String name, List<LinearModule> linears) {
        return new UserError("--lora-target-modules: the model has no linear layer '" + name + "'; it has "
                + shortNames(linears.stream().map(LinearModule::name)));
    }

    private static LoraModule module(LoraSettings settings, LinearModule linear) {
        if (linear.head()) {
            throw new UserError("--lora-target-modules names the output head '" + linear.name()
                    + "'; train it whole with --lora-modules-to-save " + linear.name());
        }
        double scale = LoraSettings.scale(settings.alpha(), settings.rank(), settings.rankStabilized());
        return new LoraModule(linear, settings.rank(), scale, settings.dora());
    }

    /** True for a tensor of the module of this name, or whose name ends so. */
    private static boolean isOf(String module, String tensor) {
        return LoraTargets.isNamed(module, owner(tensor));
    }

    /** Returns the module that a tensor belongs to. */
    static String owner(String tensor) {
        return tensor.substring(0, Math.max(0, tensor.lastIndexOf('.')));
    }

    /** Returns what names end with, each once: the layers' own numbers left away. */
    private static String shortNames(Stream<String> names) {
        return names.map(name -> name.replaceFirst("\\.(weight|bias)$", ""))
                .map(name -> name.substring(name.lastIndexOf('.') + 1))
                .distinct()
                .sorted()
                .collect(Collectors.joining(", "));
    }

    /** Returns the adapter of the linear layer of this name, if it has one. */
    public Optional<LoraModule> module(String linear) {
        return modules.stream()
                .filter(module -> module.linear().name().equals(linear))
                .findFirst();
    }

    /** Returns all its tensors, float32. */
    public List<TensorSpec> tensors() {
        return Stream.concat(
                        modules.stream().flatMap(module -> module.tensors().stream()),
                        saved.stream().map(tensor -> new TensorSpec(tensor.name(), DType.F32, tensor.shape())))
                .toList();
    }

    /** Returns what a pass keeps of it for the widest layer. */
    public FusedMemory.AdapterWidths widths(ToIntFunction<String> layerOf) {
        Map<Integer, List<LoraModule>> byLayer = modules.stream()
                .collect(Collectors.groupingBy(
                        module -> layerOf.applyAsInt(module.linear().name())));
        long ranks = 0;
        long outputs = 0;
        long inputs = 0;
        for (List<LoraModule> layer : byLayer.values()) {
            ranks = Math.max(ranks, layer.stream().mapToLong(LoraModule::rank).sum());
            long out = layer.stream().mapToLong(module -> module.linear().out()).sum();
            long in = layer.stream().mapToLong(module -> module.linear().in()).sum();
            outputs = Math.max(outputs, settings.dora() ? out : 0);
            inputs = Math.max(inputs, settings.dropout() > 0 ? in : 0);
        }
        return new FusedMemory.AdapterWidths(ranks, outputs, inputs);
    }
}
