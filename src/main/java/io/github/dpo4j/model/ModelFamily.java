package io.github.dpo4j.model;

import io.github.dpo4j.UserError;
import java.util.List;
import java.util.Set;

/** Maps one model_type's config keys and weight names onto the common decoder. */
public sealed interface ModelFamily permits LlamaFamily, Gpt2Family, GptNeoxFamily {
    /** All families, by the model_type of config.json. */
    List<ModelFamily> ALL = List.of(new LlamaFamily(), new Gpt2Family(), new GptNeoxFamily());

    String modelType();

    DecoderSettings settings(ModelConfig config);

    /** Returns the names as this folder has them; {@code present} are the tensors in its files. */
    WeightNames names(DecoderSettings settings, Set<String> present);

    /** True for tensors that older files carry and that hold no weights, such as causal masks. */
    boolean isBuffer(String name);

    /** Returns the family of a config, or throws naming the known ones. */
    static ModelFamily of(ModelConfig config) {
        String type = config.text("model_type", "");
        for (ModelFamily family : ALL) {
            if (family.modelType().equals(type)) {
                return family;
            }
        }
        String known =
                String.join(", ", ALL.stream().map(ModelFamily::modelType).toList());
        throw new UserError(
                type.isEmpty()
                        ? config.file() + " has no 'model_type'; known types are " + known
                        : config.where("model_type") + " is '" + type + "', which is not supported; known types are "
                                + known);
    }
}
