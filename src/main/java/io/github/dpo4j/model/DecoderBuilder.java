package io.github.dpo4j.model;

import io.github.dpo4j.torch.ComputeType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** Puts the parts of a decoder together from its settings, the names of its weights, and the weights. */
record DecoderBuilder(DecoderSettings settings, WeightNames names, Weights weights) {

    CausalLm build(ComputeType computeType) {
        int width = settings.width();
        Tensor embedding = weights.weight(names.embedding(), settings.vocabularySize(), width);
        Tensor learnedPositions = settings.learnedPositions().isEmpty()
                ? null
                : weights.weight(
                        required(names.learnedPositions()),
                        settings.learnedPositions().getAsInt(),
                        width);
        List<DecoderLayer> layers = new ArrayList<>();
        for (int i = 0; i < settings.layers(); i++) {
            layers.add(layer(i, String.format(Locale.ROOT, names.layer(), i)));
        }
        Norm finalNorm = norm(names.finalNorm());
        Tensor headWeight = settings.tied()
                ? weights.tiedHead(names.embedding(), names.head())
                : weights.weight(required(names.head()), settings.vocabularySize(), width);
        Linear head = new Linear(headWeight, null, Linear.Layout.OUT_IN, null);
        weights.refuseSurplus();
        return new CausalLm(
                settings,
                names,
                weights.all(),
                computeType,
                embedding,
                learnedPositions,
                List.copyOf(layers),
                finalNorm,
                head);
    }

    private DecoderLayer layer(int number, String prefix) {
        int attentionWidth = settings.heads() * settings.headWidth();
        return new DecoderLayer(
                number,
                settings.attention().get(number),
                norm(prefix + names.attentionNorm()),
                qkv(prefix),
                headNorms(prefix),
                linear(prefix + names.attentionOutput(), attentionWidth, settings.width(), settings.outputBias()),
                settings.attentionScale().of(number),
                after(prefix, names.afterAttention()),
                norm(prefix + names.mlpNorm()),
                mlp(prefix),
                after(prefix, names.afterMlp()),
                settings.residual());
    }

    private @Nullable Norm after(String prefix, @Nullable String name) {
        return settings.residual() == DecoderSettings.ResidualKind.SANDWICH ? norm(prefix + required(name)) : null;
    }

    private DecoderLayer.@Nullable HeadNorms headNorms(String prefix) {
        if (!settings.headNorms()) {
            return null;
        }
        WeightNames.HeadNorms named = names.headNorms()
                .orElseThrow(() -> new IllegalStateException("the family names no norms of queries and keys"));
        return new DecoderLayer.HeadNorms(
                norm(prefix + named.query(), settings.headWidth()), norm(prefix + named.key(), settings.headWidth()));
    }

    private Qkv qkv(String prefix) {
        int headWidth = settings.headWidth();
        int queryWidth = settings.heads() * headWidth;
        int keyWidth = settings.keyValueHeads() * headWidth;
        boolean bias = settings.attentionBias();
        return switch (names.qkv()) {
            case WeightNames.QkvNames.Separate separate ->
                new Qkv.Separate(
                        linear(prefix + separate.query(), settings.width(), queryWidth, bias),
                        linear(prefix + separate.key(), settings.width(), keyWidth, bias),
                        linear(prefix + separate.value(), settings.width(), keyWidth, bias),
                        headWidth);
            case WeightNames.QkvNames.FusedBlocks fused ->
                new Qkv.FusedBlocks(
                        linear(prefix + fused.name(), settings.width(), queryWidth + 2 * keyWidth, bias),
                        settings.heads(),
                        settings.keyValueHeads(),
                        headWidth);
            case WeightNames.QkvNames.FusedPerHead fused ->
                new Qkv.FusedPerHead(
                        linear(prefix + fused.name(), settings.width(), 3 * queryWidth, bias),
                        settings.heads(),
                        headWidth);
        };
    }

    private Mlp mlp(String prefix) {
        int width = settings.width();
        int inner = settings.mlpWidth();
        boolean bias = settings.mlpBias();
        Linear down = linear(prefix + names.mlpDown(), inner, width, bias);
        return switch (names.mlp()) {
            case WeightNames.MlpNames.Gated gated ->
                new Mlp.Gated(
                        linear(prefix + gated.gate(), width, inner, bias),
                        linear(prefix + gated.up(), width, inner, bias),
                        down,
                        settings.activation());
            case WeightNames.MlpNames.FusedGated fused ->
                new Mlp.FusedGated(linear(prefix + fused.name(), width, 2 * inner, bias), down, settings.activation());
            case WeightNames.MlpNames.Plain plain ->
                new Mlp.Plain(linear(prefix + plain.up(), width, inner, bias), down, settings.activation());
        };
    }

    private Linear linear(String name, int in, int out, boolean bias) {
        Tensor weight = switch (settings.linears()) {
            case OUT_IN -> weights.weight(name, out, in);
            case IN_OUT -> weights.weight(name, in, out);
        };
        return new Linear(weight, weights.bias(bias, name, out), settings.linears(), weights.lowRank(name));
    }

    private Norm norm(String name) {
        return norm(name, settings.width());
    }

    private Norm norm(String name, int width) {
        Tensor weight = weights.weight(name, width);
        return switch (settings.norm()) {
            case RMS -> new Norm.Rms(weight, 0, settings.normEpsilon());
            case RMS_FROM_ONE -> new Norm.Rms(weight, 1, settings.normEpsilon());
            case LAYER -> new Norm.Layer(weight, weights.requiredBias(name, width), settings.normEpsilon());
        };
    }

    private static String required(@Nullable String name) {
        if (name == null) {
            throw new IllegalStateException("the family names no weight for a part that its settings ask for");
        }
        return name;
    }
}
