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
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** Puts a fused decoder's layers together from the same settings and names as the plain decoder's. */
record FusedBuilder(DecoderSettings settings, WeightNames names, ComputeWeights weights) {
    FusedLayer layer(int number) {
        String prefix = String.format(Locale.ROOT, names.layer(), number);
        boolean sandwich = settings.residual() == DecoderSettings.ResidualKind.SANDWICH;
        return new FusedLayer(
                settings.attention().get(number),
                norm(prefix + names.attentionNorm()),
                inputs(prefix),
                product(prefix + names.attentionOutput()),
                sandwich ? norm(prefix + Objects.requireNonNull(names.afterAttention())) : null,
                settings.attentionScale().of(number),
                norm(prefix + names.mlpNorm()),
                mlpInputs(prefix),
                product(prefix + names.mlpDown()),
                sandwich ? norm(prefix + Objects.requireNonNull(names.afterMlp())) : null,
                activation(settings.activation()));
    }

    FusedLayer.NormPart norm(String name) {
        boolean centred = settings.norm() == DecoderSettings.NormKind.LAYER;
        String bias = name + ".bias";
        return new FusedLayer.NormPart(
                new Norms.Norm(
                        weights.vector(name + ".weight"),
                        settings.norm() == DecoderSettings.NormKind.RMS_FROM_ONE ? 1 : 0,
                        centred ? weights.vector(bias) : null,
                        centred,
                        settings.normEpsilon()),
                weights.gradientMemory(name + ".weight"),
                centred ? weights.gradientMemory(bias) : null);
    }

    private FusedLayer.MlpInputs mlpInputs(String prefix) {
        return switch (names.mlp()) {
            case WeightNames.MlpNames.Gated gated ->
                new FusedLayer.MlpInputs(
                        List.of(product(prefix + gated.gate()), product(prefix + gated.up())),
                        new FusedLayer.MlpInputs.Columns(0, 0),
                        new FusedLayer.MlpInputs.Columns(1, 0));
            case WeightNames.MlpNames.FusedGated fused ->
                new FusedLayer.MlpInputs(
                        List.of(product(prefix + fused.name())),
                        new FusedLayer.MlpInputs.Columns(0, 0),
                        new FusedLayer.MlpInputs.Columns(0, settings.mlpWidth()));
            case WeightNames.MlpNames.Plain plain ->
                new FusedLayer.MlpInputs(
                        List.of(product(prefix + plain.up())), null, new FusedLayer.MlpInputs.Columns(0, 0));
        };
    }

    private FusedLayer.@Nullable NormPart headNorm(String prefix, Function<WeightNames.HeadNorms, String> which) {
        return settings.headNorms()
                ? norm(prefix + which.apply(names.headNorms().orElseThrow()))
                : null;
    }

    private FusedLayer.Inputs inputs(String prefix) {
        int heads = settings.heads();
        int groups = settings.keyValueHeads();
        int width = settings.headWidth();
        FusedLayer.NormPart queryNorm = headNorm(prefix, WeightNames.HeadNorms::query);
        FusedLayer.NormPart keyNorm = headNorm(prefix, WeightNames.HeadNorms::key);
        return switch (names.qkv()) {
            case WeightNames.QkvNames.Separate separate ->
                new FusedLayer.Inputs(
                        List.of(
                                product(prefix + separate.query()),
                                product(prefix + separate.key()),
                                product(prefix + separate.value())),
                        source(0, heads, 0, width, queryNorm),
                        source(1, groups, 0, width, keyNorm),
                        source(2, groups, 0, width, null));
            case WeightNames.QkvNames.FusedBlocks fused ->
                new FusedLayer.Inputs(
                        List.of(product(prefix + fused.name())),
                        source(0, heads, 0, width, queryNorm),
                        source(0, groups, heads * width, width, keyNorm),
                        source(0, groups, (heads + groups) * width, width, null));
            case WeightNames.QkvNames.FusedPerHead fused ->
                new FusedLayer.Inputs(
                        List.of(product(prefix + fused.name())),
                        source(0, heads, 0, 3 * width, queryNorm),
                        source(0, groups, width, 3 * width, keyNorm),
                        source(0, groups, 2 * width, 3 * width, null));
        };
    }

    private FusedLayer.Inputs.Source source(
            int product, int heads, int offset, int stride, FusedLayer.@Nullable NormPart norm) {
        return new FusedLayer.Inputs.Source(
                product, new Heads(heads, settings.keyValueHeads(), settings.headWidth(), offset, stride), norm);
    }

    private Product product(String name) {
        String weight = name + ".weight";
        @Nullable String bias = weights.has(name + ".bias") ? name + ".bias" : null;
        Tensor stored = weights.matrix(weight);
        Tensor outIn = settings.linears().outIn(stored);
        return new Product(
                outIn,
                outIn.t(),
                weights.gradient(weight),
                settings.linears() == Linear.Layout.IN_OUT,
                bias == null ? null : weights.vector(bias),
                bias == null ? null : weights.gradientMemory(bias),
                weights.adaptation(name, outIn));
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
