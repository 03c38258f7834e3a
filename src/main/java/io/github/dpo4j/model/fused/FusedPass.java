package io.github.dpo4j.model.fused;

import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.kernel.Embeddings;
import io.github.dpo4j.kernel.Logits;
import io.github.dpo4j.kernel.Norms;
import io.github.dpo4j.kernel.Norms.Addend;
import io.github.dpo4j.model.GradientStorage;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Threads;
import io.github.dpo4j.torch.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** One pack's way through the decoder and back. T tokens, S scored tokens. */
public final class FusedPass {
    private final FusedDecoder model;
    private final PassContext pass;
    private final Workspace scratch;
    private final PackedTokens tokens;
    private final boolean keep;
    private final long number;
    private final boolean recompute;
    private final Deque<LayerPass.Saved> layers = new ArrayDeque<>();
    /** The residual stream before each layer, where layers are recomputed. */
    private final Deque<Matrix> streams = new ArrayDeque<>();

    private final PassContext.Normed last;
    private final Matrix scored;
    private final Logits logits;

    /** Runs forward; as {@link FusedDecoder#forward}. */
    FusedPass(FusedDecoder model, PackedTokens tokens, boolean keep, boolean recompute) {
        this.model = model;
        this.pass = new PassContext(model, tokens);
        this.scratch = model.scratch;
        this.tokens = tokens;
        this.keep = keep;
        this.number = model.passes();
        this.recompute = recompute;
        int width = model.settings.width();
        Matrix stream = pass.take(model.saved, ScalarType.Float, width);
        Embeddings.gather(
                pass.team(), model.embedding.rows(), tokens.tokenIds(), model.settings.embeddingScale(), stream.rows());
        if (model.learnedPositions != null) {
            Embeddings.gatherAdd(pass.team(), model.learnedPositions.rows(), tokens.positions(), stream.rows());
        }
        LayerPass.Branches branches = LayerPass.Branches.take(pass, model.saved);
        List<Addend> pending = List.of();
        for (FusedLayer layer : model.layers) {
            if (recompute) {
                List<Addend> added = pending;
                pass.parts(part -> Norms.add(pass.tokensOf(part), stream.rows(), added));
                pending = List.of();
                streams.push(copy(stream));
            }
            Workspace.Mark mark = model.saved.mark();
            LayerPass layerPass = new LayerPass(pass, layer);
            LayerPass.Saved kept = layerPass.forward(stream, pending, branches);
            if (keep && !recompute) {
                layers.push(kept);
            } else {
                model.saved.release(mark);
            }
            pending = layerPass.pending(branches);
        }
        Workspace.Mark mark = scratch.mark();
        Matrix hidden = pass.take(scratch, width);
        this.last = pass.normed();
        List<Addend> added = pending;
        pass.parts(part -> pass.norm(part, stream, added, model.finalNorm, last, hidden));
        this.scored = Matrix.take(model.saved, model.type, tokens.scored(), width);
        Embeddings.gather(pass.team(), hidden.rows(), tokens.predictorRows(), scored.rows());
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
        Matrix copy = pass.take(model.saved, ScalarType.Float, stream.width());
        copy.memory().copyFrom(stream.memory());
        return copy;
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
            boolean overwrite = model.parameters.takeOverwrite();
            pass.overwrite(overwrite);
            if (!overwrite && model.parameters.gradientStorage() == GradientStorage.BY_LAYER) {
                throw new IllegalStateException("gradients that are kept by layer cannot be added to");
            }
            Matrix streamGradient = pass.take(scratch, ScalarType.Float, model.settings.width());
            LayerPass.StreamCopies copies = LayerPass.StreamCopies.take(pass);
            streamGradient.clear();
            head(gradients, streamGradient, copies.entering());
            for (int i = model.layers.size() - 1; i >= 0; i--) {
                try (TensorScope _ = new TensorScope()) {
                    Workspace.Mark mark = scratch.mark();
                    Workspace.Mark keptMark = model.saved.mark();
                    LayerPass layer = new LayerPass(pass, model.layers.get(i));
                    LayerPass.Saved kept = recompute ? again(layer, streams.pop()) : layers.pop();
                    layer.backward(kept, streamGradient, copies);
                    model.parameters.layerIsDone(i);
                    copies = copies.next();
                    scratch.release(mark);
                    model.saved.release(keptMark);
                }
            }
            // A tied embedding's gradient has begun with the head's.
            scatter(
                    streamGradient,
                    tokens.tokenIds(),
                    model.settings.embeddingScale(),
                    model.embedding,
                    overwrite && !model.headIsEmbedding);
            if (model.learnedPositions != null) {
                scatter(streamGradient, tokens.positions(), 1, model.learnedPositions, overwrite);
            }
            model.parameters.passIsDone();
        }
    }

    /** Runs a layer's forward on the stream that came to it. */
    private LayerPass.Saved again(LayerPass layer, Matrix stream) {
        return layer.forward(stream, List.of(), LayerPass.Branches.take(pass, scratch));
    }

    private static void scatter(Matrix rows, int[] ids, float scale, FusedDecoder.Table table, boolean begin) {
        MemorySegment gradient = table.gradient();
        if (gradient != null) {
            if (begin) {
                gradient.fill((byte) 0);
            }
            Embeddings.scatterAdd(rows.rows(), ids, scale, gradient);
        }
    }

    private void head(float[] gradients, Matrix streamGradient, Matrix copy) {
        Workspace.Mark mark = scratch.mark();
        Matrix scoredGradient = Matrix.take(scratch, ScalarType.Float, tokens.scored(), scored.width());
        model.head.backward(scored, logits, gradients, scoredGradient, pass.overwrites());
        Matrix hiddenGradient = pass.take(scratch, ScalarType.Float, scored.width());
        hiddenGradient.clear();
        Embeddings.scatterAdd(scoredGradient.rows(), tokens.predictorRows(), hiddenGradient.memory());
        Norms.Sums sums = pass.sums(model.finalNorm);
        pass.parts(part ->
                pass.normBackward(part, model.finalNorm, hiddenGradient, last, streamGradient, copy, null, sums));
        pass.addTo(model.finalNorm, sums);
        scratch.release(mark);
    }
}
