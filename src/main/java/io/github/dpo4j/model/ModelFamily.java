package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import java.util.List;
import java.util.Set;

/** Maps one model_type's config keys and weight names onto the common decoder. */
public sealed interface ModelFamily
        permits LlamaFamily,
                Gpt2Family,
                GptNeoxFamily,
                MistralFamily,
                Qwen2Family,
                Qwen3Family,
                Gemma3Family,
                Phi3Family,
                SmolLm3Family {
    /** Returns all families. */
    private static List<ModelFamily> all() {
        return List.of(
                new LlamaFamily(),
                new Gpt2Family(),
                new GptNeoxFamily(),
                new MistralFamily(),
                new Qwen2Family(),
                new Qwen3Family(),
                new Gemma3Family(),
                new Phi3Family(),
                new SmolLm3Family());
    }

    /** Returns the model_type of config.json. */
    String modelType();

    DecoderSettings settings(ModelConfig config);

    /** Returns the names as this folder has them; {@code present} are the tensors in its files. */
    WeightNames names(DecoderSettings settings, Set<String> present);

    /** True for tensors that older files carry and that hold no weights, such as causal masks. */
    default boolean isBuffer(String name) {
        return name.endsWith("rotary_emb.inv_freq");
    }

    /** Returns the name in files, which {@code names} are of, of what transformers calls {@code module}: a tensor or a layer. */
    default String tensorName(String module, WeightNames names) {
        return module;
    }

    /** The way back from {@link #tensorName}. */
    default String moduleName(String tensor, WeightNames names) {
        return tensor;
    }

    /** Returns the family of a config, or throws naming the known ones. */
    static ModelFamily of(ModelConfig config) {
        String type = config.text("model_type", "");
        for (ModelFamily family : all()) {
            if (family.modelType().equals(type)) {
                return family;
            }
        }
        String known =
                String.join(", ", all().stream().map(ModelFamily::modelType).toList());
        throw new UserError(
                type.isEmpty()
                        ? config.file() + " has no 'model_type'; known types are " + known
                        : config.where("model_type") + " is '" + type + "', which is not supported; known types are "
                                + known);
    }
}
