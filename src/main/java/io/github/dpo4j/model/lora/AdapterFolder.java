package io.github.dpo4j.model.lora;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.model.LinearModule;
import io.github.dpo4j.model.ModelConfig;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.model.StoredWeights;
import io.github.dpo4j.safetensors.SafetensorsFile;
import io.github.dpo4j.safetensors.TensorInfo;
import io.github.dpo4j.safetensors.TensorSpec;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A folder as PEFT writes it: adapter_config.json and adapter_model.safetensors.
 *
 * @param settings what the config says; modules may differ from it by rank_pattern and alpha_pattern
 */
public record AdapterFolder(Path path, ModelConfig config, LoraSettings settings) {
    static final String CONFIG = "adapter_config.json";
    static final String WEIGHTS = "adapter_model.safetensors";
    /** Before the names of all tensors: PEFT wraps the model twice. */
    static final String WRAPPED = "base_model.model.";

    /** What changes how an adapter computes, or what it is of, and is not supported. */
    private static final List<String> UNSUPPORTED = List.of(
            "layer_replication",
            "target_parameters",
            "trainable_token_indices",
            "alora_invocation_tokens",
            "use_qalora",
            "use_bdlora",
            "lora_bias",
            "ensure_weight_tying",
            "megatron_config",
            "arrow_config",
            "monteclora_config",
            "velora_config",
            "kasa_config");

    /** Ways to begin an adapter after which PEFT takes it off the base's weights. */
    private static final List<String> CHANGE_THE_BASE = List.of("pissa", "corda", "olora", "loftq", "lora_ga", "eva");

    /** Longer patterns, or such that a match could take very long, are nobody's. */
    private static final Pattern PLAIN_PATTERN = Pattern.compile("[\\w.^$|()\\\\*-]{1,200}");

    /** True for a folder with an adapter and no model of its own. */
    public static boolean isOne(Path folder) {
        return Files.isRegularFile(folder.resolve(CONFIG)) && !Files.isRegularFile(folder.resolve("config.json"));
    }

    /** Reads the config; throws {@link UserError} for an adapter that is none of LoRA's. */
    public static AdapterFolder open(Path folder) {
        ModelConfig config = ModelConfig.read(folder, CONFIG);
        String type = config.text("peft_type", "");
        if (!type.equals("LORA")) {
            throw new UserError(config.where("peft_type") + " is '" + type + "'; only LORA adapters are supported");
        }
        for (String key : UNSUPPORTED) {
            if (isSet(config, key)) {
                throw new UserError(config.where(key) + " is set, which is not supported");
            }
        }
        String start = config.json().path("init_lora_weights").asText().toLowerCase(Locale.ROOT);
        if (CHANGE_THE_BASE.stream().anyMatch(start::startsWith)) {
            throw new UserError(
                    config.where("init_lora_weights") + " is '" + start
                            + "', which changes the base's weights when the adapter is loaded; convert it to a plain LoRA first");
        }
        String bias = config.text("bias", "none");
        if (!bias.equals("none")) {
            throw new UserError(config.where("bias") + " is '" + bias + "'; only adapters that train no biases (none)"
                    + " are supported");
        }
        return new AdapterFolder(
                folder,
                config,
                new LoraSettings(
                        config.positive("r", 8),
                        config.positiveReal("lora_alpha", 8),
                        config.share("lora_dropout"),
                        new LoraTargets.Named(List.of()), // its weights say which modules it adapts
                        config.flag("use_rslora", false),
                        config.flag("use_dora", false),
                        config.texts("modules_to_save")));
    }

    private static boolean isSet(ModelConfig config, String key) {
        if (!config.has(key)) {
            return false;
        }
        JsonNode value = config.json().get(key);
        return !(value.isBoolean() && !value.asBoolean()) && !(value.isContainerNode() && value.isEmpty());
    }

    /** Returns the folder of the model that the adapter is of, as the config names it, or beside the adapter. */
    public Path base() {
        String name = config.text("base_model_name_or_path", "");
        try {
            for (Path base : List.of(Path.of(name), path.resolve(name))) {
                if (!name.isEmpty() && Files.isDirectory(base)) {
                    if (isOne(base)) {
                        throw new UserError(config.where("base_model_name_or_path") + " leads to " + base
                                + ", which is an adapter itself; merge that first");
                    }
                    return base;
                }
            }
        } catch (InvalidPathException e) {
            throw new UserError(config.where("base_model_name_or_path") + " is no path: " + e.getReason(), e);
        }
        throw new UserError(config.where("base_model_name_or_path") + " is '" + name
                + "', which is no folder here; write the path of the base model's folder there");
    }

    /** Opens the weights; a pickle is refused. */
    public SafetensorsFile openWeights() {
        Path file = path.resolve(WEIGHTS);
        if (!Files.isRegularFile(file)) {
            boolean pickle = Files.exists(path.resolve("adapter_model.bin"));
            throw new UserError(path + " has no " + WEIGHTS
                    + (pickle ? "; adapter_model.bin is a pickle, which is never read: convert it" : ""));
        }
        return SafetensorsFile.open(file);
    }

    /**
     * Returns the adapter's shape, by its weights.
     *
     * @param linears of the base
     * @param base its tensors
     * @param nameInFiles as {@link ModelFolder#tensorName}, {@code moduleName} the way back
     * @throws UserError where the two do not belong together
     */
    public Adapter shape(
            List<LinearModule> linears,
            List<TensorSpec> base,
            UnaryOperator<String> nameInFiles,
            UnaryOperator<String> moduleName) {
        try (SafetensorsFile file = openWeights()) {
            Map<String, TensorInfo> tensors = byNameInFiles(file, nameInFiles);
            List<LoraModule> modules = new ArrayList<>();
            List<TensorSpec> saved = new ArrayList<>();
            for (LinearModule linear : linears) {
                TensorInfo a = tensors.get(LoraModule.a(linear.name()));
                if (a != null) {
                    modules.add(module(linear, moduleName.apply(linear.name()), a));
                }
            }
            for (TensorSpec tensor : base) {
                if (tensors.containsKey(tensor.name())) {
                    saved.add(tensor);
                }
            }
            Adapter adapter = new Adapter(settings, modules, saved);
            check(file, adapter, tensors);
            return adapter;
        }
    }

    private LoraModule module(LinearModule linear, String name, TensorInfo a) {
        long rank = a.shape().isEmpty() ? 0 : a.shape().getFirst();
        if (rank < 1 || rank > LoraSettings.MOST) {
            throw new UserError(path.resolve(WEIGHTS) + ": '" + a.name() + "' has " + rank
                    + " rows; a rank is from 1 to " + LoraSettings.MOST);
        }
        double alpha = settings.alpha();
        for (Map.Entry<String, JsonNode> pattern :
                config.inside("alpha_pattern").json().properties()) {
            if (matches(pattern.getKey(), name)) {
                alpha = pattern.getValue().asDouble();
                if (!(alpha > 0) || Double.isInfinite(alpha)) {
                    throw new UserError(config.where("alpha_pattern") + " gives '" + pattern.getKey() + "' "
                            + pattern.getValue() + ", which is no number above 0");
                }
                break;
            }
        }
        double scale = LoraSettings.scale(alpha, (int) rank, settings.rankStabilized());
        return new LoraModule(linear, (int) rank, scale, settings.dora());
    }

    /** As PEFT matches the keys of its patterns. */
    private boolean matches(String pattern, String module) {
        if (!PLAIN_PATTERN.matcher(pattern).matches() || pattern.contains(")*")) {
            throw new UserError(config.where("alpha_pattern") + " holds '" + pattern
                    + "'; patterns are of names, dots, stars and alternatives");
        }
        try {
            return module.matches("(.*\\.)?(" + pattern + ")");
        } catch (PatternSyntaxException e) {
            throw new UserError(config.where("alpha_pattern") + " holds '" + pattern + "', which is no pattern", e);
        }
    }

    private void check(SafetensorsFile file, Adapter adapter, Map<String, TensorInfo> tensors) {
        List<String> expected = new ArrayList<>();
        for (TensorSpec spec : adapter.tensors()) {
            TensorInfo found = tensors.get(spec.name());
            if (found == null) {
                throw new UserError(file.path() + " lacks '" + spec.name() + "', which its other tensors need");
            }
            if (!found.shape().equals(spec.shape())) {
                throw new UserError(file.path() + ": '" + found.name() + "' has shape " + found.shape()
                        + ", but the base model asks for " + spec.shape());
            }
            expected.add(spec.name());
        }
        for (Map.Entry<String, TensorInfo> tensor : tensors.entrySet()) {
            if (!expected.contains(tensor.getKey())) {
                throw new UserError(file.path() + ": '" + tensor.getValue().name()
                        + "' has no place in the base model; the two do not belong together");
            }
        }
        if (adapter.modules().isEmpty()) {
            throw new UserError(file.path() + " adapts no layer of the base model");
        }
    }

    private static Map<String, TensorInfo> byNameInFiles(SafetensorsFile file, UnaryOperator<String> nameInFiles) {
        Map<String, TensorInfo> tensors = new LinkedHashMap<>();
        file.tensors().forEach((name, info) -> {
            String module = name.startsWith(WRAPPED) ? name.substring(WRAPPED.length()) : name;
            // Before PEFT 0.12, lengths of rows were modules with a weight.
            String own = module.replaceFirst("\\.lora_magnitude_vector\\.weight$", ".lora_magnitude_vector");
            tensors.put(nameInFiles.apply(own), info);
        });
        return tensors;
    }

    /** Returns how the adapter's tensors, named as the base's files name theirs, are filled from an open file. */
    public ModelFolder.Filling reading(SafetensorsFile file, UnaryOperator<String> nameInFiles) {
        Map<String, TensorInfo> tensors = byNameInFiles(file, nameInFiles);
        return (spec, target) -> {
            TensorInfo info = tensors.get(spec.name());
            if (info == null) {
                throw new IllegalStateException("no tensor " + spec.name());
            }
            StoredWeights.read(
                    file.data(info.name()), info.dtype(), target, file.path() + ": tensor '" + info.name() + "'");
        };
    }

    /** Returns the config as it is written again. */
    ObjectNode writable() {
        return config.json().deepCopy();
    }
}
