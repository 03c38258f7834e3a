package io.github.dpo4j.model.fused;

import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.kernel.Embeddings;
import io.github.dpo4j.kernel.Gates;
import io.github.dpo4j.kernel.Heads;
import io.github.dpo4j.kernel.Logits;
import io.github.dpo4j.kernel.Norms;
import io.github.dpo4j.kernel.Norms.Addend;
import io.github.dpo4j.kernel.Part;
import io.github.dpo4j.kernel.Rows;
import io.github.dpo4j.kernel.Sight;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.model.DecoderSettings;
import io.github.dpo4j.model.GradientStorage;
import io.github.dpo4j.model.Positions;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Threads;
import io.github.dpo4j.torch.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
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
                List<Addend> added = pending;
                parts(part -> Norms.add(tokensOf(part), stream.rows(), added));
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
        this.last = normed();
        List<Addend> added = pending;
        parts(part -> norm(part, stream, added, model.finalNorm, last, hidden));
        this.scored = Matrix.take(model.saved, model.type, tokens.scored(), width);
        Embeddings.gather(team, hidden.rows(), tokens.predictorRows(), scored.rows());
        scratch.release(mark);
        this.logits = model.head.forward(scored, tokens.targetIds());
    }

    /** Returns log p of each scored token, nats, [S]. */
    public float[] logps() {
        return logits.logps();
    }

    /** Returns ln sum_v p_v^2 of each scored token's prediction, [S]. */
    public float[] logCollisions() {
        return logits.logCollisions();
    }

    private Matrix copy(Matrix stream) {
        Matrix copy = take(model.saved, ScalarType.Float, stream.width());
        copy.memory().copyFrom(stream.memory());
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

    /** Runs {@code body} on even parts of all rows, one a thread; a product may go into the rounding of the last. */
    private void parts(Consumer<Part> body) {
        team.runParts(Rows.round(tokens.size()), Norms.ROWS_A_SUM, part -> {
            try (TensorScope _ = new TensorScope()) {
                body.accept(part);
            }
        });
    }

    private Part tokensOf(Part part) {
        return part.below(tokens.size());
    }

    private Normed normed() {
        return new Normed(
                take(model.saved, model.type, model.settings.width()), take(model.saved, ScalarType.Float, 1));
    }

    private void norm(
            Part part, Matrix stream, List<Addend> pending, FusedLayer.NormPart norm, Normed normed, Matrix out) {
        Norms.forward(
                tokensOf(part),
                stream.rows(),
                pending,
                norm.norm(),
                normed.rows().rows(),
                normed.inverse().rows(),
                out.rows());
    }

    private Saved forward(FusedLayer layer, Matrix stream, List<Addend> pending, Matrix attended, Matrix fed) {
        Workspace.Mark mark = scratch.mark();
        Matrix in = take(scratch, model.type, stream.width());
        Normed attention = normed();
        FusedAttention.Sides sides = model.attention.sides(model.saved, sight);
        split(layer, stream, pending, attention, in, sides);
        Matrix read = take(model.saved, model.type, model.attention.heads() * model.attention.headWidth());
        Matrix readByHead = Matrix.take(scratch, model.type, sight.room(), read.width());
        model.attention.forward(sides, sight, (float) layer.attentionScale(), readByHead);

        List<Addend> before = switch (model.settings.residual()) {
            case SEQUENTIAL ->
                List.of(new Addend(attended.rows(), layer.attentionOutput().bias()));
            case PARALLEL -> List.of();
        };
        Normed mlp = normed();
        Product gateProduct = layer.gate();
        Matrix gate = gateProduct == null ? null : take(model.saved, model.type, gateProduct.outputs());
        Matrix up = take(model.saved, model.type, layer.up().outputs());
        Matrix inner = take(scratch, model.type, up.width());
        parts(part -> {
            queryRows().merge(tokensOf(part), readByHead.rows(), sight.blocks(), null, read.rows());
            layer.attentionOutput().forward(part, read, attended);
            norm(part, stream, before, layer.mlpNorm(), mlp, in);
            if (gateProduct != null && gate != null) {
                gateProduct.forward(part, in, gate);
            }
            layer.up().forward(part, in, up);
            Gates.forward(tokensOf(part), layer.activation(), gate(layer, gate), up(layer, up), inner.rows());
            layer.down().forward(part, inner, fed);
        });
        scratch.release(mark);
        return new Saved(attention, sides, read, mlp, gate, up);
    }

    /** Makes queries, keys and values of the stream. */
    private void split(
            FusedLayer layer,
            Matrix stream,
            List<Addend> pending,
            Normed attention,
            Matrix in,
            FusedAttention.Sides sides) {
        Workspace.Mark mark = scratch.mark();
        FusedLayer.Inputs inputs = layer.inputs();
        Matrix[] products = products(inputs);
        parts(part -> {
            norm(part, stream, pending, layer.attentionNorm(), attention, in);
            for (int i = 0; i < products.length; i++) {
                inputs.products().get(i).forward(part, in, products[i]);
            }
            split(part, inputs, inputs.query(), products, rotation, sides.queries());
            split(part, inputs, inputs.key(), products, rotation, sides.keys());
            split(part, inputs, inputs.value(), products, null, sides.values());
        });
        scratch.release(mark);
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

    private Matrix[] products(FusedLayer.Inputs inputs) {
        Matrix[] products = new Matrix[inputs.products().size()];
        for (int i = 0; i < products.length; i++) {
            products[i] = take(scratch, model.type, inputs.products().get(i).outputs());
        }
        return products;
    }

    private void split(
            Part part,
            FusedLayer.Inputs inputs,
            FusedLayer.Inputs.Source source,
            Matrix[] products,
            Heads.@Nullable Rotation turn,
            Matrix to) {
        source.heads()
                .split(
                        tokensOf(part),
                        products[source.product()].rows(),
                        inputs.products().get(source.product()).bias(),
                        sight.blocks(),
                        turn,
                        to.rows());
    }

    /**
     * Adds to the weights' gradients those of sum_s gradients[s] x log p_s; call it once, after a forward that keeps. Each
     * layer's weights have been read for the last time when {@link io.github.dpo4j.model.Parameters#layerIsDone} is told.
     */
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
                Threads.Alone _ = new Threads.Alone();
                TensorScope _ = new TensorScope()) {
            overwrite = model.parameters.takeOverwrite();
            if (!overwrite && model.parameters.gradientStorage() == GradientStorage.BY_LAYER) {
                throw new IllegalStateException("gradients that are kept by layer cannot be added to");
            }
            int width = model.settings.width();
            Matrix streamGradient = take(scratch, ScalarType.Float, width);
            StreamCopies copies = new StreamCopies(
                    take(scratch, model.type, width),
                    take(scratch, model.type, width),
                    take(scratch, model.type, width));
            streamGradient.clear();
            head(gradients, streamGradient, copies.entering());
            for (int i = model.layers.size() - 1; i >= 0; i--) {
                try (TensorScope _ = new TensorScope()) {
                    Workspace.Mark mark = scratch.mark();
                    Workspace.Mark keptMark = model.saved.mark();
                    FusedLayer layer = model.layers.get(i);
                    Saved kept = recompute ? again(layer, streams.pop()) : layers.pop();
                    backward(layer, kept, streamGradient, copies);
                    model.parameters.layerIsDone(i);
                    copies = copies.next();
                    scratch.release(mark);
                    model.saved.release(keptMark);
                }
            }
            // A tied embedding's gradient has begun with the head's.
            scatter(streamGradient, tokens.tokenIds(), model.embedding, overwrite && !model.settings.tied());
            if (model.learnedPositions != null) {
                scatter(streamGradient, tokens.positions(), model.learnedPositions, overwrite);
            }
            model.parameters.passIsDone();
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

    /**
     * The stream's gradient in the compute type as it comes to a layer, between the layer's MLP and attention, and as it leaves:
     * all three are read until the weights' gradients are made.
     */
    private record StreamCopies(Matrix entering, Matrix between, Matrix leaving) {
        /** The copies of the layer below, to which comes what left the one above. */
        StreamCopies next() {
            return new StreamCopies(/* entering= */ leaving, between, /* leaving= */ entering);
        }
    }

    private void head(float[] gradients, Matrix streamGradient, Matrix copy) {
        Workspace.Mark mark = scratch.mark();
        Matrix scoredGradient = Matrix.take(scratch, ScalarType.Float, tokens.scored(), scored.width());
        model.head.backward(scored, logits, gradients, scoredGradient, overwrite);
        Matrix hiddenGradient = take(scratch, ScalarType.Float, scored.width());
        hiddenGradient.clear();
        Embeddings.scatterAdd(scoredGradient.rows(), tokens.predictorRows(), hiddenGradient.memory());
        Norms.Sums sums = sums(model.finalNorm);
        parts(part -> backward(part, model.finalNorm, hiddenGradient, last, streamGradient, copy, null, sums));
        addTo(model.finalNorm, sums);
        scratch.release(mark);
    }

    private Norms.Sums sums(FusedLayer.NormPart norm) {
        return new Norms.Sums(tokens.size(), model.settings.width(), norm.biasGradient() != null);
    }

    private void addTo(FusedLayer.NormPart norm, Norms.Sums sums) {
        if (overwrite) {
            clear(norm.weightGradient());
            clear(norm.biasGradient());
        }
        sums.addTo(norm.weightGradient(), norm.biasGradient());
    }

    private static void clear(@Nullable MemorySegment gradient) {
        if (gradient != null) {
            gradient.fill((byte) 0);
        }
    }

    private void backward(
            Part part,
            FusedLayer.NormPart norm,
            Matrix outGradient,
            Normed normed,
            Matrix streamGradient,
            @Nullable Matrix copy,
            @Nullable Matrix again,
            Norms.Sums sums) {
        Norms.backward(
                tokensOf(part),
                outGradient.rows(),
                normed.rows().rows(),
                normed.inverse().rows(),
                norm.norm(),
                streamGradient.rows(),
                copy == null ? null : copy.rows(),
                again == null ? null : again.rows(),
                sums);
    }

    private void backward(FusedLayer layer, Saved kept, Matrix streamGradient, StreamCopies copies) {
        FusedLayer.Inputs inputs = layer.inputs();
        Product gateProduct = layer.gate();
        Matrix gateGradient = kept.gate();
        Matrix inner = take(scratch, model.type, kept.up().width());
        Matrix mlpIn = take(scratch, model.type, streamGradient.width());
        Matrix attentionIn = take(scratch, model.type, streamGradient.width());
        Matrix[] inputGradients = products(inputs);
        Norms.Sums mlpSums = sums(layer.mlpNorm());
        Norms.Sums attentionSums = sums(layer.attentionNorm());
        // Parallel branches both read the layer's input and have the stream's gradient as it came.
        boolean sequential = model.settings.residual() == DecoderSettings.ResidualKind.SEQUENTIAL;
        Matrix toAttention = sequential ? copies.between() : copies.entering();

        Workspace.Mark mark = scratch.mark();
        Matrix byHead =
                Matrix.take(scratch, model.type, sight.room(), kept.read().width());
        FusedAttention.Sides sideGradients = model.attention.sides(scratch, sight);
        Matrix dots = sideGradients.logSums();
        Workspace.Mark mlpMark = scratch.mark();
        Matrix mlpInGradient = take(scratch, model.type, streamGradient.width());
        Matrix readGradient = take(scratch, model.type, kept.read().width());
        parts(part -> {
            Part rows = tokensOf(part);
            layer.down().inputGradient(part, copies.entering(), inner, false);
            Gates.backward(rows, layer.activation(), gate(layer, kept.gate()), up(layer, kept.up()), inner.rows());
            layer.up().inputGradient(part, kept.up(), mlpInGradient, false);
            if (gateProduct != null && gateGradient != null) {
                gateProduct.inputGradient(part, gateGradient, mlpInGradient, true);
            }
            backward(
                    part,
                    layer.mlpNorm(),
                    mlpInGradient,
                    kept.mlp(),
                    streamGradient,
                    sequential ? toAttention : null,
                    mlpIn,
                    mlpSums);
            layer.attentionOutput().inputGradient(part, toAttention, readGradient, false);
            queryRows().split(rows, readGradient.rows(), null, sight.blocks(), null, byHead.rows());
            queryRows().dots(rows, readGradient.rows(), kept.read().rows(), sight.blocks(), dots.rows());
        });
        scratch.release(mlpMark);
        model.attention.backward(kept.sides(), sight, (float) layer.attentionScale(), byHead, dots, sideGradients);
        Matrix inGradient = take(scratch, model.type, streamGradient.width());
        parts(part -> {
            Part rows = tokensOf(part);
            merge(rows, inputs.query(), sideGradients.queries(), rotation, inputGradients);
            merge(rows, inputs.key(), sideGradients.keys(), rotation, inputGradients);
            merge(rows, inputs.value(), sideGradients.values(), null, inputGradients);
            for (int i = 0; i < inputGradients.length; i++) {
                inputs.products().get(i).inputGradient(part, inputGradients[i], inGradient, i > 0);
            }
            backward(
                    part,
                    layer.attentionNorm(),
                    inGradient,
                    kept.attention(),
                    streamGradient,
                    copies.leaving(),
                    attentionIn,
                    attentionSums);
        });
        scratch.release(mark);

        addTo(layer.mlpNorm(), mlpSums);
        addTo(layer.attentionNorm(), attentionSums);
        WeightGradients weights = new WeightGradients(scratch, model.type, overwrite);
        weights.add(layer.down(), copies.entering(), inner);
        if (gateProduct != null && gateGradient != null) {
            weights.add(gateProduct, gateGradient, mlpIn);
        }
        weights.add(layer.up(), kept.up(), mlpIn);
        weights.add(layer.attentionOutput(), toAttention, kept.read());
        for (int i = 0; i < inputGradients.length; i++) {
            weights.add(inputs.products().get(i), inputGradients[i], attentionIn);
        }
        weights.run(team);
    }

    private void merge(
            Part part,
            FusedLayer.Inputs.Source source,
            Matrix from,
            Heads.@Nullable Rotation turn,
            Matrix[] gradients) {
        source.heads().merge(part, from.rows(), sight.blocks(), turn, gradients[source.product()].rows());
    }
}
