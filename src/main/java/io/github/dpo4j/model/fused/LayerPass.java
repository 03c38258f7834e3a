package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Gates;
import io.github.dpo4j.kernel.Heads;
import io.github.dpo4j.kernel.Norms;
import io.github.dpo4j.kernel.Norms.Addend;
import io.github.dpo4j.kernel.Part;
import io.github.dpo4j.kernel.Sight;
import io.github.dpo4j.model.DecoderSettings.ResidualKind;
import io.github.dpo4j.model.fused.PassContext.Normed;
import io.github.dpo4j.torch.Workspace;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One layer of one pass: forward, and backward from what forward kept. */
final class LayerPass {
    private final PassContext pass;
    private final FusedLayer layer;
    private final Sight sight;
    private final Heads.@Nullable Rotation rotation;
    private final FusedAttention attention;
    private final ResidualKind residual;
    private final int width;

    LayerPass(PassContext pass, FusedLayer layer) {
        this.pass = pass;
        this.layer = layer;
        this.sight = pass.sight(layer.positions());
        this.rotation = pass.rotation(layer.positions());
        this.attention = pass.model.attention;
        this.residual = pass.model.settings.residual();
        this.width = pass.model.settings.width();
    }

    /**
     * What a layer's backward reads.
     *
     * @param inputs what the products before attention made, where norms of heads need it again; else empty
     * @param afterAttention null without such a norm, as {@code afterMlp}
     */
    record Saved(
            Normed attention,
            List<Applied> inputProducts,
            List<Matrix> inputs,
            FusedAttention.Sides sides,
            Applied output,
            Matrix read,
            @Nullable Normed afterAttention,
            Normed mlp,
            List<Applied> mlpProducts,
            List<Matrix> mlpInputs,
            Applied down,
            @Nullable Normed afterMlp) {}

    /** What the products after attention and MLP give, [T, width] each, until the next norm adds it to the stream. */
    record Branches(Matrix attended, Matrix fed) {
        static Branches take(PassContext pass, Workspace workspace) {
            int width = pass.model.settings.width();
            return new Branches(pass.take(workspace, width), pass.take(workspace, width));
        }
    }

    /** Returns what the layer leaves to be added to the stream. */
    List<Addend> pending(Branches branches) {
        Addend mlp = addend(branches.fed(), layer.down(), layer.afterMlp());
        return switch (residual) {
            case SEQUENTIAL, SANDWICH -> List.of(mlp);
            case PARALLEL -> List.of(addend(branches.attended(), layer.attentionOutput(), null), mlp);
        };
    }

    private static Addend addend(Matrix branch, Product product, FusedLayer.@Nullable NormPart after) {
        return new Addend(branch.rows(), after == null ? product.bias() : null);
    }

    /** Runs the layer on the stream plus what is pending. */
    Saved forward(Matrix stream, List<Addend> pending, Branches branches) {
        Workspace.Mark mark = pass.scratch.mark();
        Matrix in = pass.take(pass.scratch, width);
        Normed attentionNormed = pass.normed();
        FusedAttention.Sides sides = attention.sides(pass.saved, sight);
        List<Applied> inputProducts = applied(layer.inputs().products());
        List<Matrix> inputs = outputs(
                layer.inputs().normed() ? pass.saved : pass.scratch,
                layer.inputs().products());
        pass.parts(part -> {
            pass.norm(part, stream, pending, layer.attentionNorm(), attentionNormed, in);
            for (int i = 0; i < inputs.size(); i++) {
                inputProducts.get(i).forward(part, in, inputs.get(i));
            }
            split(part, layer.inputs().query(), inputs, true, sides.queries());
            split(part, layer.inputs().key(), inputs, true, sides.keys());
            split(part, layer.inputs().value(), inputs, false, sides.values());
        });
        Matrix read = pass.take(pass.saved, attention.heads() * attention.headWidth());
        Matrix readByHead = Matrix.take(pass.scratch, pass.model.type, sight.room(), read.width());
        attention.forward(sides, sight, (float) layer.attentionScale(), readByHead);

        Applied output = Applied.of(pass, layer.attentionOutput());
        Normed afterAttention = layer.afterAttention() == null ? null : pass.normed();
        List<Addend> before = switch (residual) {
            case SEQUENTIAL, SANDWICH ->
                List.of(addend(branches.attended(), layer.attentionOutput(), layer.afterAttention()));
            case PARALLEL -> List.of();
        };
        Normed mlpNormed = pass.normed();
        List<Applied> mlpProducts = applied(layer.mlpInputs().products());
        List<Matrix> mlpInputs = outputs(pass.saved, layer.mlpInputs().products());
        Applied down = Applied.of(pass, layer.down());
        Matrix inner = pass.take(pass.scratch, pass.model.settings.mlpWidth());
        Normed afterMlp = layer.afterMlp() == null ? null : pass.normed();
        pass.parts(part -> {
            queryRows().merge(pass.tokensOf(part), readByHead.rows(), sight.blocks(), null, read.rows());
            output.forward(part, read, branches.attended());
            after(part, layer.afterAttention(), afterAttention, branches.attended(), layer.attentionOutput());
            pass.norm(part, stream, before, layer.mlpNorm(), mlpNormed, in);
            for (int i = 0; i < mlpInputs.size(); i++) {
                mlpProducts.get(i).forward(part, in, mlpInputs.get(i));
            }
            Gates.forward(pass.tokensOf(part), layer.activation(), gate(mlpInputs), up(mlpInputs), inner.rows());
            down.forward(part, inner, branches.fed());
            after(part, layer.afterMlp(), afterMlp, branches.fed(), layer.down());
        });
        pass.scratch.release(mark);
        return new Saved(
                attentionNormed,
                inputProducts,
                layer.inputs().normed() ? inputs : List.of(),
                sides,
                output,
                read,
                afterAttention,
                mlpNormed,
                mlpProducts,
                mlpInputs,
                down,
                afterMlp);
    }

    private List<Applied> applied(List<Product> products) {
        return products.stream().map(product -> Applied.of(pass, product)).toList();
    }

    private List<Matrix> outputs(Workspace workspace, List<Product> products) {
        List<Matrix> outputs = new ArrayList<>();
        for (Product product : products) {
            outputs.add(pass.take(workspace, product.outputs()));
        }
        return outputs;
    }

    private void split(Part part, FusedLayer.Inputs.Source source, List<Matrix> products, boolean turns, Matrix to) {
        source.heads()
                .split(
                        pass.tokensOf(part),
                        products.get(source.product()).rows(),
                        layer.inputs().products().get(source.product()).bias(),
                        sight.blocks(),
                        way(source, turns),
                        to.rows());
    }

    private Heads.Way way(FusedLayer.Inputs.Source source, boolean turns) {
        FusedLayer.NormPart norm = source.norm();
        return new Heads.Way(norm == null ? null : norm.norm(), turns ? rotation : null);
    }

    /** Normalises a branch with its product's bias, where the layer does. */
    private void after(
            Part part, FusedLayer.@Nullable NormPart norm, @Nullable Normed normed, Matrix branch, Product product) {
        if (norm != null && normed != null) {
            Norms.ofBranch(
                    pass.tokensOf(part),
                    branch.rows(),
                    product.bias(),
                    norm.norm(),
                    normed.rows().rows(),
                    normed.inverse().rows());
        }
    }

    private Gates.@Nullable Input gate(List<Matrix> outputs) {
        FusedLayer.MlpInputs.Columns gate = layer.mlpInputs().gate();
        return gate == null ? null : input(gate, outputs);
    }

    private Gates.Input up(List<Matrix> outputs) {
        return input(layer.mlpInputs().up(), outputs);
    }

    private Gates.Input input(FusedLayer.MlpInputs.Columns source, List<Matrix> outputs) {
        Product product = layer.mlpInputs().products().get(source.product());
        return new Gates.Input(outputs.get(source.product()).rows(), product.bias(), source.column());
    }

    /** Heads one after the other in a token's row, as the product after attention reads them. */
    private Heads queryRows() {
        return new Heads(attention.heads(), attention.groups(), attention.headWidth(), 0, attention.headWidth());
    }

    /**
     * The stream's gradient in the compute type as it comes to a layer, between the layer's MLP and attention, and as it leaves:
     * all three are read until the weights' gradients are made.
     */
    record StreamCopies(Matrix entering, Matrix between, Matrix leaving) {
        static StreamCopies take(PassContext pass) {
            int width = pass.model.settings.width();
            return new StreamCopies(
                    pass.take(pass.scratch, width), pass.take(pass.scratch, width), pass.take(pass.scratch, width));
        }

        /** The copies of the layer below, to which comes what left the one above. */
        StreamCopies next() {
            return new StreamCopies(/* entering= */ leaving, between, /* leaving= */ entering);
        }
    }

    /** Takes the stream's gradient through the layer and makes the gradients of its weights. */
    void backward(Saved kept, Matrix streamGradient, StreamCopies copies) {
        Matrix inner = pass.take(pass.scratch, pass.model.settings.mlpWidth());
        Matrix mlpIn = pass.take(pass.scratch, width);
        Matrix attentionIn = pass.take(pass.scratch, width);
        List<Matrix> inputGradients =
                kept.inputs().isEmpty() ? outputs(pass.scratch, layer.inputs().products()) : kept.inputs();
        Norms.Sums mlpSums = pass.sums(layer.mlpNorm());
        Norms.Sums attentionSums = pass.sums(layer.attentionNorm());
        BranchGradient fed = new BranchGradient(layer.afterMlp(), kept.afterMlp(), copies.entering());
        // Parallel branches both read the layer's input and have the stream's gradient as it came.
        BranchGradient attended = new BranchGradient(
                layer.afterAttention(),
                kept.afterAttention(),
                residual == ResidualKind.PARALLEL ? copies.entering() : copies.between());

        // Low ranks' gradients are read with the weights', at the end.
        kept.mlpProducts().forEach(Applied::beginBackward);
        kept.inputProducts().forEach(Applied::beginBackward);
        kept.down().beginBackward();
        kept.output().beginBackward();
        Workspace.Mark mark = pass.scratch.mark();
        Matrix byHead = Matrix.take(
                pass.scratch, pass.model.type, sight.room(), kept.read().width());
        FusedAttention.Sides sideGradients = attention.sides(pass.scratch, sight);
        Matrix dots = sideGradients.logSums();
        Workspace.Mark mlpMark = pass.scratch.mark();
        Matrix mlpInGradient = pass.take(pass.scratch, width);
        Matrix readGradient = pass.take(pass.scratch, kept.read().width());
        pass.parts(part -> {
            Part rows = pass.tokensOf(part);
            fed.begin(part, streamGradient);
            kept.down().inputGradient(part, fed.gradient(), inner, false);
            Gates.backward(rows, layer.activation(), gate(kept.mlpInputs()), up(kept.mlpInputs()), inner.rows());
            for (int i = 0; i < kept.mlpProducts().size(); i++) {
                kept.mlpProducts().get(i).inputGradient(part, kept.mlpInputs().get(i), mlpInGradient, i > 0);
            }
            pass.normBackward(
                    part,
                    layer.mlpNorm(),
                    mlpInGradient,
                    kept.mlp(),
                    streamGradient,
                    residual == ResidualKind.SEQUENTIAL ? copies.between() : null,
                    mlpIn,
                    mlpSums);
            attended.begin(part, streamGradient);
            kept.output().inputGradient(part, attended.gradient(), readGradient, false);
            queryRows().split(rows, readGradient.rows(), null, sight.blocks(), Heads.Way.STRAIGHT, byHead.rows());
            queryRows().dots(rows, readGradient.rows(), kept.read().rows(), sight.blocks(), dots.rows());
        });
        pass.scratch.release(mlpMark);
        attention.backward(kept.sides(), sight, (float) layer.attentionScale(), byHead, dots, sideGradients);
        Matrix inGradient = pass.take(pass.scratch, width);
        Merge query = new Merge(layer.inputs().query(), sideGradients.queries(), true, inputGradients);
        Merge key = new Merge(layer.inputs().key(), sideGradients.keys(), true, inputGradients);
        Merge value = new Merge(layer.inputs().value(), sideGradients.values(), false, inputGradients);
        pass.parts(part -> {
            query.run(part);
            key.run(part);
            value.run(part);
            for (int i = 0; i < inputGradients.size(); i++) {
                kept.inputProducts().get(i).inputGradient(part, inputGradients.get(i), inGradient, i > 0);
            }
            pass.normBackward(
                    part,
                    layer.attentionNorm(),
                    inGradient,
                    kept.attention(),
                    streamGradient,
                    copies.leaving(),
                    attentionIn,
                    attentionSums);
        });
        pass.scratch.release(mark);

        pass.addTo(layer.mlpNorm(), mlpSums);
        pass.addTo(layer.attentionNorm(), attentionSums);
        fed.end();
        attended.end();
        query.end();
        key.end();
        WeightGradients weights = new WeightGradients(pass.scratch, pass.model.type, pass.overwrites());
        kept.down().addWeights(weights, fed.gradient(), inner);
        for (int i = 0; i < kept.mlpProducts().size(); i++) {
            kept.mlpProducts().get(i).addWeights(weights, kept.mlpInputs().get(i), mlpIn);
        }
        kept.output().addWeights(weights, attended.gradient(), kept.read());
        for (int i = 0; i < inputGradients.size(); i++) {
            kept.inputProducts().get(i).addWeights(weights, inputGradients.get(i), attentionIn);
        }
        weights.run(pass.team());
    }

    /** The gradient of what a branch's product gave: the stream's, or what a norm after the branch makes of it. */
    private final class BranchGradient {
        private final FusedLayer.@Nullable NormPart norm;
        private final @Nullable Normed normed;
        private final Matrix gradient;
        private final Norms.@Nullable Sums sums;

        BranchGradient(FusedLayer.@Nullable NormPart norm, @Nullable Normed normed, Matrix ofStream) {
            this.norm = norm;
            this.normed = normed;
            this.gradient = norm == null ? ofStream : pass.take(pass.scratch, width);
            this.sums = norm == null ? null : pass.sums(norm);
        }

        Matrix gradient() {
            return gradient;
        }

        void begin(Part part, Matrix streamGradient) {
            if (norm != null && normed != null && sums != null) {
                Norms.ofBranchBackward(
                        pass.tokensOf(part),
                        streamGradient.rows(),
                        normed.rows().rows(),
                        normed.inverse().rows(),
                        norm.norm(),
                        gradient.rows(),
                        sums);
            }
        }

        void end() {
            if (norm != null && sums != null) {
                pass.addTo(norm, sums);
            }
        }
    }

    /** The way of queries, keys or values back into the gradient of what their product gave. */
    private final class Merge {
        private final FusedLayer.Inputs.Source source;
        private final Matrix from;
        private final boolean turns;
        private final Matrix to;
        private final Norms.@Nullable Sums sums;

        Merge(FusedLayer.Inputs.Source source, Matrix from, boolean turns, List<Matrix> gradients) {
            this.source = source;
            this.from = from;
            this.turns = turns;
            this.to = gradients.get(source.product());
            this.sums = source.norm() == null ? null : pass.sumsOfHeads();
        }

        void run(Part part) {
            Part rows = pass.tokensOf(part);
            if (sums == null) {
                source.heads().merge(rows, from.rows(), sight.blocks(), turns ? rotation : null, to.rows());
                return;
            }
            source.heads()
                    .merge(
                            rows,
                            from.rows(),
                            layer.inputs().products().get(source.product()).bias(),
                            sight.blocks(),
                            way(source, turns),
                            to.rows(),
                            sums);
        }

        void end() {
            FusedLayer.NormPart norm = source.norm();
            if (norm != null && sums != null) {
                pass.addTo(norm, sums);
            }
        }
    }
}
