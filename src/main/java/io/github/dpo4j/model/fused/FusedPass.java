package io.github.dpo4j.model.fused;

import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.kernel.Embeddings;
import io.github.dpo4j.kernel.Gates;
import io.github.dpo4j.kernel.Heads;
import io.github.dpo4j.kernel.Logits;
import io.github.dpo4j.kernel.Norms;
import io.github.dpo4j.kernel.Norms.Addend;
import io.github.dpo4j.kernel.Sight;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.model.Positions;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/** One pack's way through the decoder and back. T tokens, S scored tokens. */
public final class FusedPass {
    private final FusedDecoder model;
    private final Team team;
    private final Workspace scratch;
    private final PackedTokens tokens;
    private final Sight sight;
    private final Heads.@Nullable Rotation rotation;
    private final boolean keep;
    private final long number;
    private final boolean recompute;
    private final Deque<Saved> layers = new ArrayDeque<>();
    /** The residual stream before each layer, where layers are recomputed. */
    private final Deque<Matrix> streams = new ArrayDeque<>();

    private final Normed last;
    private final Matrix scored;
    /** Whether the gradients of weights begin with this pass rather than being added to. */
    private boolean overwrite;

    private final Logits logits;

    /** A norm's normalized rows and their inverse deviations. */
    private record Normed(Matrix rows, Matrix inverse) {}

    /** What a layer's backward reads. */
    private record Saved(
            Normed attention,
            FusedAttention.Sides sides,
            Matrix read,
            Normed mlp,
            @Nullable Matrix gate,
            Matrix up) {}

    /** Runs forward; as {@link FusedDecoder#forward}. */
    FusedPass(FusedDecoder model, PackedTokens tokens, boolean keep, boolean recompute) {
        this.model = model;
        this.team = FusedDecoder.team();
        this.scratch = model.scratch;
        this.tokens = tokens;
        this.keep = keep;
        this.number = model.passes();
        this.recompute = recompute;
        this.sight = Sight.of(
                tokens.segments().stream()
                        .map(s -> new Sight.Run(s.start(), s.length(), s.prefixStart(), s.prefixLength()))
                        .toList(),
                tokens.size());
        this.rotation = switch (model.settings.positions()) {
            case Positions.Rotary rotary -> rotation(rotary, tokens.positions());
            case Positions.Learned _ -> null;
        };
        int width = model.settings.width();
        Matrix stream = take(model.saved, ScalarType.Float, width);
        Embeddings.gather(team, model.embedding.rows(), tokens.tokenIds(), stream.rows());
        if (model.learnedPositions != null) {
            Embeddings.gatherAdd(team, model.learnedPositions.rows(), tokens.positions(), stream.rows());
        }
        // What the products after attention and MLP gave, until the next norm adds it to the stream.
        Matrix attended = take(model.saved, model.type, width);
        Matrix fed = take(model.saved, model.type, width);
        List<Addend> pending = List.of();
        for (FusedLayer layer : model.layers) {
            if (recompute) {
                Norms.add(team, stream.rows(), pending);
                pending = List.of();
                streams.push(copy(stream));
            }
            Workspace.Mark mark = model.saved.mark();
            Saved kept = forward(layer, stream, pending, attended, fed);
            if (keep && !recompute) {
                layers.push(kept);
            } else {
                model.saved.release(mark);
            }
            Addend mlp = new Addend(fed.rows(), layer.down().bias());
            pending = switch (model.settings.residual()) {
                case SEQUENTIAL -> List.of(mlp);
                case PARALLEL ->
                    List.of(new Addend(attended.rows(), layer.attentionOutput().bias()), mlp);
            };
        }
        Workspace.Mark mark = scratch.mark();
        Matrix hidden = take(scratch, model.type, width);
        this.last = normed(stream, pending, model.finalNorm, hidden);
        this.scored = Matrix.take(model.saved, model.type, tokens.scored(), width);
        Embeddings.gather(team, hidden.rows(), tokens.predictorRows(), scored.rows());
        scratch.release(mark);
        this.logits = model.head.forward(scored, tokens.targetIds());
    }

    /** Returns log p of each scored token, nats, [S]. */
    public float[] logps() {
        return logits.logps();
    }

    private Matrix copy(Matrix stream) {
        Matrix copy = take(model.saved, ScalarType.Float, stream.width());
        copy.rows().memory().copyFrom(stream.rows().memory());
        return copy;
    }

    /** The angles of all tokens, computed as transformers does: the product of position and frequency is float32. */
    private static Heads.Rotation rotation(Positions.Rotary rotary, int[] positions) {
        int half = rotary.rotaryWidth() / 2;
        float[] cos = new float[positions.length * half];
        float[] sin = new float[positions.length * half];
        float[] frequencies = rotary.frequencies();
        for (int t = 0; t < positions.length; t++) {
            for (int i = 0; i < half; i++) {
                float angle = positions[t] * frequencies[i];
                cos[t * half + i] = (float) Math.cos(angle);
                sin[t * half + i] = (float) Math.sin(angle);
            }
        }
        return new Heads.Rotation(cos, sin, rotary.rotaryWidth());
    }

    private Matrix take(Workspace workspace, ScalarType type, int width) {
        return Matrix.take(workspace, type, tokens.size(), width);
    }

    private Normed normed(Matrix stream, List<Addend> pending, FusedLayer.NormPart norm, Matrix out) {
        Normed normed =
                new Normed(take(model.saved, model.type, stream.width()), take(model.saved, ScalarType.Float, 1));
        Norms.forward(
                team,
                stream.rows(),
                pending,
                norm.norm(),
                normed.rows().rows(),
                normed.inverse().rows(),
                out.rows());
        return normed;
    }

    private Saved forward(FusedLayer layer, Matrix stream, List<Addend> pending, Matrix attended, Matrix fed) {
        int width = stream.width();
        Workspace.Mark mark = scratch.mark();
        Matrix in = take(scratch, model.type, width);
        Normed attention = normed(stream, pending, layer.attentionNorm(), in);
        FusedAttention.Sides sides = sides(model.saved);
        split(layer, in, sides);
        Matrix read = take(model.saved, model.type, model.attention.heads() * model.attention.headWidth());
        Matrix readByHead = take(scratch, model.type, read.width());
        model.attention.forward(sides, sight, (float) layer.attentionScale(), readByHead);
        queryRows().merge(team, readByHead.rows(), sight.blocks(), null, read.rows());
        layer.attentionOutput().forward(read, attended);

        List<Addend> before = switch (model.settings.residual()) {
            case SEQUENTIAL ->
                List.of(new Addend(attended.rows(), layer.attentionOutput().bias()));
            case PARALLEL -> List.of();
        };
        Normed mlp = normed(stream, before, layer.mlpNorm(), in);
        Product gateProduct = layer.gate();
        Matrix gate = gateProduct == null ? null : take(model.saved, model.type, gateProduct.outputs());
        if (gateProduct != null && gate != null) {
            gateProduct.forward(in, gate);
        }
        Matrix up = take(model.saved, model.type, layer.up().outputs());
        layer.up().forward(in, up);
        Matrix inner = take(scratch, model.type, up.width());
        Gates.forward(team, layer.activation(), gate(layer, gate), up(layer, up), inner.rows());
        layer.down().forward(inner, fed);
        scratch.release(mark);
        return new Saved(attention, sides, read, mlp, gate, up);
    }

    private static Gates.@Nullable Input gate(FusedLayer layer, @Nullable Matrix gate) {
        Product product = layer.gate();
        return product == null || gate == null ? null : new Gates.Input(gate.rows(), product.bias());
    }

    private static Gates.Input up(FusedLayer layer, Matrix up) {
        return new Gates.Input(up.rows(), layer.up().bias());
    }

    /** Heads one after the other in a token's row, as the product after attention reads them. */
    private Heads queryRows() {
        FusedAttention attention = model.attention;
        return new Heads(attention.heads(), attention.groups(), attention.headWidth(), 0, attention.headWidth());
    }

    private FusedAttention.Sides sides(Workspace workspace) {
        FusedAttention attention = model.attention;
        int queryWidth = attention.heads() * attention.headWidth();
        int keyWidth = attention.groups() * attention.headWidth();
        return new FusedAttention.Sides(
                take(workspace, model.type, queryWidth),
                take(workspace, model.type, keyWidth),
                take(workspace, model.type, keyWidth),
                take(workspace, ScalarType.Float, attention.heads()));
    }

    private void split(FusedLayer layer, Matrix in, FusedAttention.Sides sides) {
        Workspace.Mark mark = scratch.mark();
        FusedLayer.Inputs inputs = layer.inputs();
        Matrix[] products = products(inputs);
        for (int i = 0; i < products.length; i++) {
            inputs.products().get(i).forward(in, products[i]);
        }
        split(inputs, inputs.query(), products, rotation, sides.queries());
        split(inputs, inputs.key(), products, rotation, sides.keys());
        split(inputs, inputs.value(), products, null, sides.values());
        scratch.release(mark);
    }

    private Matrix[] products(FusedLayer.Inputs inputs) {
        Matrix[] products = new Matrix[inputs.products().size()];
        for (int i = 0; i < products.length; i++) {
            products[i] = take(scratch, model.type, inputs.products().get(i).outputs());
        }
        return products;
    }

    private void split(
            FusedLayer.Inputs inputs,
            FusedLayer.Inputs.Source source,
            Matrix[] products,
            Heads.@Nullable Rotation turn,
            Matrix to) {
        source.heads()
                .split(
                        team,
                        products[source.product()].rows(),
                        inputs.products().get(source.product()).bias(),
                        sight.blocks(),
                        turn,
                        to.rows());
    }

    /** Adds to the weights' gradients those of sum_s gradients[s] x log p_s; call it once, after a forward that keeps. */
    public void backward(float[] gradients) {
        if (!keep || gradients.length != tokens.scored()) {
            throw new IllegalStateException(
                    "backward needs a forward that kept its activations, and a gradient a logp");
        }
        if (number != model.passes()) {
            throw new IllegalStateException(
                    "another forward of this model has begun since; its activations have taken the place of this pass's");
        }
        try (NoGrad _ = new NoGrad();
                TensorScope _ = new TensorScope()) {
            overwrite = model.parameters.takeOverwrite();
            int width = model.settings.width();
            Matrix streamGradient = take(scratch, ScalarType.Float, width);
            Matrix copy = take(scratch, model.type, width);
            streamGradient.clear();
            head(gradients, streamGradient, copy);
            for (int i = model.layers.size() - 1; i >= 0; i--) {
                try (TensorScope _ = new TensorScope()) {
                    Workspace.Mark mark = scratch.mark();
                    Workspace.Mark keptMark = model.saved.mark();
                    FusedLayer layer = model.layers.get(i);
                    Saved kept = recompute ? again(layer, streams.pop()) : layers.pop();
                    backward(layer, kept, streamGradient, copy);
                    scratch.release(mark);
                    model.saved.release(keptMark);
                }
            }
            // A tied embedding's gradient has begun with the head's.
            scatter(streamGradient, tokens.tokenIds(), model.embedding, overwrite && !model.settings.tied());
            if (model.learnedPositions != null) {
                scatter(streamGradient, tokens.positions(), model.learnedPositions, overwrite);
            }
        }
    }

    /** Runs a layer's forward on the stream that came to it. */
    private Saved again(FusedLayer layer, Matrix stream) {
        Matrix attended = take(scratch, model.type, stream.width());
        Matrix fed = take(scratch, model.type, stream.width());
        return forward(layer, stream, List.of(), attended, fed);
    }

    private static void scatter(Matrix rows, int[] ids, FusedDecoder.Table table, boolean begin) {
        MemorySegment gradient = table.gradient();
        if (gradient != null) {
            if (begin) {
                gradient.fill((byte) 0);
            }
            Embeddings.scatterAdd(rows.rows(), ids, gradient);
        }
    }

    private void head(float[] gradients, Matrix streamGradient, Matrix copy) {
        Workspace.Mark mark = scratch.mark();
        Matrix scoredGradient = Matrix.take(scratch, ScalarType.Float, tokens.scored(), scored.width());
        model.head.backward(scored, logits, gradients, scoredGradient, overwrite);
        Matrix hiddenGradient = take(scratch, ScalarType.Float, scored.width());
        hiddenGradient.clear();
        Embeddings.scatterAdd(
                scoredGradient.rows(),
                tokens.predictorRows(),
                hiddenGradient.rows().memory());
        backward(model.finalNorm, hiddenGradient, last, streamGradient, copy);
        scratch.release(mark);
    }

    private void backward(
            FusedLayer.NormPart norm, Matrix outGradient, Normed normed, Matrix streamGradient, @Nullable Matrix copy) {
        if (overwrite) {
            clear(norm.weightGradient());
            clear(norm.biasGradient());
        }
        Norms.backward(
                team,
                outGradient.rows(),
                normed.rows().rows(),
                normed.inverse().rows(),
                norm.norm(),
                streamGradient.rows(),
                copy == null ? null : copy.rows(),
                norm.weightGradient(),
                norm.biasGradient());
    }

    private static void clear(@Nullable MemorySegment gradient) {
        if (gradient != null) {
            gradient.fill((byte) 0);
        }
    }

    /** {@code copy} is the stream's gradient in the compute type, on entry and again at the end. */
    private void backward(FusedLayer layer, Saved kept, Matrix streamGradient, Matrix copy) {
        Matrix in = take(scratch, model.type, streamGradient.width());
        Matrix inGradient = take(scratch, model.type, streamGradient.width());
        mlp(layer, kept, copy, in, inGradient);
        switch (model.settings.residual()) {
            case SEQUENTIAL -> {
                backward(layer.mlpNorm(), inGradient, kept.mlp(), streamGradient, copy);
                attention(layer, kept, copy, in, inGradient);
            }
            case PARALLEL -> {
                // Both branches read the layer's input and have the stream's gradient as it came.
                backward(layer.mlpNorm(), inGradient, kept.mlp(), streamGradient, null);
                attention(layer, kept, copy, in, inGradient);
            }
        }
        backward(layer.attentionNorm(), inGradient, kept.attention(), streamGradient, copy);
    }

    private void mlp(FusedLayer layer, Saved kept, Matrix upstream, Matrix in, Matrix inGradient) {
        Workspace.Mark mark = scratch.mark();
        Gates.Input gate = gate(layer, kept.gate());
        Gates.Input up = up(layer, kept.up());
        Matrix inner = take(scratch, model.type, kept.up().width());
        Gates.forward(team, layer.activation(), gate, up, inner.rows());
        layer.down().weightGradient(team, upstream, inner, scratch, overwrite);
        layer.down().inputGradient(upstream, inner, false);
        Gates.backward(team, layer.activation(), gate, up, inner.rows());
        Norms.again(team, kept.mlp().rows().rows(), layer.mlpNorm().norm(), in.rows());
        layer.up().weightGradient(team, kept.up(), in, scratch, overwrite);
        layer.up().inputGradient(kept.up(), inGradient, false);
        Product gateProduct = layer.gate();
        Matrix gateGradient = kept.gate();
        if (gateProduct != null && gateGradient != null) {
            gateProduct.weightGradient(team, gateGradient, in, scratch, overwrite);
            gateProduct.inputGradient(gateGradient, inGradient, true);
        }
        scratch.release(mark);
    }

    private void attention(FusedLayer layer, Saved kept, Matrix upstream, Matrix in, Matrix inGradient) {
        Workspace.Mark mark = scratch.mark();
        FusedLayer.Inputs inputs = layer.inputs();
        layer.attentionOutput().weightGradient(team, upstream, kept.read(), scratch, overwrite);
        Matrix readGradient = take(scratch, model.type, kept.read().width());
        layer.attentionOutput().inputGradient(upstream, readGradient, false);
        Matrix byHead = take(scratch, model.type, kept.read().width());
        queryRows().split(team, readGradient.rows(), null, sight.blocks(), null, byHead.rows());
        FusedAttention.Sides sideGradients = sides(scratch);
        Matrix dots = sideGradients.logSums();
        queryRows().dots(team, readGradient.rows(), kept.read().rows(), sight.blocks(), dots.rows());
        model.attention.backward(kept.sides(), sight, (float) layer.attentionScale(), byHead, dots, sideGradients);
        Matrix[] gradients = products(inputs);
        merge(inputs.query(), sideGradients.queries(), rotation, gradients);
        merge(inputs.key(), sideGradients.keys(), rotation, gradients);
        merge(inputs.value(), sideGradients.values(), null, gradients);
        Norms.again(team, kept.attention().rows().rows(), layer.attentionNorm().norm(), in.rows());
        for (int i = 0; i < gradients.length; i++) {
            inputs.products().get(i).weightGradient(team, gradients[i], in, scratch, overwrite);
            inputs.products().get(i).inputGradient(gradients[i], inGradient, i > 0);
        }
        scratch.release(mark);
    }

    private void merge(
            FusedLayer.Inputs.Source source, Matrix from, Heads.@Nullable Rotation turn, Matrix[] gradients) {
        source.heads().merge(team, from.rows(), sight.blocks(), turn, gradients[source.product()].rows());
    }
}
