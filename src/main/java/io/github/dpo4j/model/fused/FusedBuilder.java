package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Gates;
import io.github.dpo4j.kernel.Heads;
import io.github.dpo4j.kernel.Norms;
import io.github.dpo4j.model.Activation;
import io.github.dpo4j.model.DecoderSettings;
import io.github.dpo4j.model.Linear;
import io.github.dpo4j.model.WeightNames;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Puts a fused decoder's layers together from the same settings and names as the plain decoder's. */
record FusedBuilder(DecoderSettings settings, WeightNames names, ComputeWeights weights) {
    FusedLayer layer(int number) {
        String prefix = String.format(Locale.ROOT, names.layer(), number);
        int headWidth = settings.headWidth();
        String gate = names.mlpGate();
        return new FusedLayer(
                norm(prefix + names.attentionNorm()),
                inputs(prefix),
                product(prefix + names.attentionOutput()),
                settings.attentionScale().of(number, headWidth),
                norm(prefix + names.mlpNorm()),
                switch (settings.mlp()) {
                    case GATED -> product(prefix + Objects.requireNonNull(gate));
                    case PLAIN -> null;
                },
                product(prefix + names.mlpUp()),
                product(prefix + names.mlpDown()),
                activation(settings.activation()));
    }

    FusedLayer.NormPart norm(String name) {
        boolean centred = settings.norm() == DecoderSettings.NormKind.LAYER;
        String bias = name + ".bias";
        return new FusedLayer.NormPart(
                new Norms.Norm(
                        weights.vector(name + ".weight"),
                        centred ? weights.vector(bias) : null,
                        centred,
                        settings.normEpsilon()),
                weights.gradientMemory(name + ".weight"),
                centred ? weights.gradientMemory(bias) : null);
    }

    private FusedLayer.Inputs inputs(String prefix) {
        int heads = settings.heads();
        int groups = settings.keyValueHeads();
        int width = settings.headWidth();
        return switch (names.qkv()) {
            case WeightNames.QkvNames.Separate separate ->
                new FusedLayer.Inputs(
                        List.of(
                                product(prefix + separate.query()),
                                product(prefix + separate.key()),
                                product(prefix + separate.value())),
                        source(0, heads, 0, width),
                        source(1, groups, 0, width),
                        source(2, groups, 0, width));
            case WeightNames.QkvNames.FusedBlocks fused ->
                new FusedLayer.Inputs(
                        List.of(product(prefix + fused.name())),
                        source(0, heads, 0, width),
                        source(0, groups, heads * width, width),
                        source(0, groups, (heads + groups) * width, width));
            case WeightNames.QkvNames.FusedPerHead fused ->
                new FusedLayer.Inputs(
                        List.of(product(prefix + fused.name())),
                        source(0, heads, 0, 3 * width),
                        source(0, groups, width, 3 * width),
                        source(0, groups, 2 * width, 3 * width));
        };
    }

    private FusedLayer.Inputs.Source source(int product, int heads, int offset, int stride) {
        return new FusedLayer.Inputs.Source(
                product, new Heads(heads, settings.keyValueHeads(), settings.headWidth(), offset, stride));
    }

    private Product product(String name) {
        String weight = name + ".weight";
        @Nullable String bias = weights.has(name + ".bias") ? name + ".bias" : null;
        return Product.of(
                weights.matrix(weight),
                weights.gradient(weight),
                settings.linears() == Linear.Layout.IN_OUT,
                bias == null ? null : weights.vector(bias),
                bias == null ? null : weights.gradientMemory(bias));
    }

    private static Gates.Activation activation(Activation activation) {
        return switch (activation) {
            case SILU -> Gates.Activation.SILU;
            case GELU -> Gates.Activation.GELU;
            case GELU_TANH -> Gates.Activation.GELU_TANH;
            case RELU -> Gates.Activation.RELU;
        };
    }
}
