package io.github.dpo4j.model;

import io.github.dpo4j.torch.ComputeType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** Puts the parts of a decoder together from its settings, the names of its weights, and the weights. */
record DecoderBuilder(DecoderSettings settings, WeightNames names, Weights weights) {

    CausalLm build(Parameters parameters, ComputeType computeType) {
        int width = settings.width();
        Tensor embedding = weights.weight(names.embedding(), settings.vocabularySize(), width);
        Tensor learnedPositions = switch (settings.positions()) {
            case Positions.Learned learned ->
                weights.weight(required(names.learnedPositions()), learned.count(), width);
            case Positions.Rotary rotary -> null;
        };
        List<DecoderLayer> layers = new ArrayList<>();
        for (int i = 0; i < settings.layers(); i++) {
            layers.add(layer(i, String.format(Locale.ROOT, names.layer(), i)));
        }
        Norm finalNorm = norm(names.finalNorm());
        Linear head = settings.tied()
                ? new Linear(embedding, null, Linear.Layout.OUT_IN)
                : new Linear(
                        weights.weight(required(names.head()), settings.vocabularySize(), width),
                        null,
                        Linear.Layout.OUT_IN);
        weights.refuseSurplus();
        return new CausalLm(
                settings,
                names,
                parameters,
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
                norm(prefix + names.attentionNorm()),
                qkv(prefix),
                linear(prefix + names.attentionOutput(), attentionWidth, settings.width(), settings.outputBias()),
                settings.attentionScale().of(number, settings.headWidth()),
                norm(prefix + names.mlpNorm()),
                mlp(prefix),
                settings.residual());
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
        Linear up = linear(prefix + names.mlpUp(), width, inner, settings.mlpBias());
        Linear down = linear(prefix + names.mlpDown(), inner, width, settings.mlpBias());
        return switch (settings.mlp()) {
            case GATED ->
                new Mlp.Gated(
                        linear(prefix + required(names.mlpGate()), width, inner, settings.mlpBias()),
                        up,
                        down,
                        settings.activation());
            case PLAIN -> new Mlp.Plain(up, down, settings.activation());
        };
    }

    private Linear linear(String name, int in, int out, boolean bias) {
        Tensor weight = switch (settings.linears()) {
            case OUT_IN -> weights.weight(name, out, in);
            case IN_OUT -> weights.weight(name, in, out);
        };
        return new Linear(weight, weights.bias(bias, name, out), settings.linears());
    }

    private Norm norm(String name) {
        Tensor weight = weights.weight(name, settings.width());
        return switch (settings.norm()) {
            case RMS -> new Norm.Rms(weight, settings.normEpsilon());
            case LAYER -> new Norm.Layer(weight, weights.requiredBias(name, settings.width()), settings.normEpsilon());
        };
    }

    private static String required(@Nullable String name) {
        if (name == null) {
            throw new IllegalStateException("the family names no weight for a part that its settings ask for");
        }
        return name;
    }
}
