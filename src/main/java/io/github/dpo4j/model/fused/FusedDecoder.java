package io.github.dpo4j.model.fused;

import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.kernel.Rows;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.model.DecoderSettings;
import io.github.dpo4j.model.ModelWeights;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.model.WeightNames;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.Tensors;
import io.github.dpo4j.torch.Threads;
import io.github.dpo4j.torch.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * A decoder's forward and backward on the CPU, written out: matrix products by libtorch into memory that is kept, everything
 * between them in one pass of a kernel. The residual stream and its gradient are float32; products take the compute type.
 */
public final class FusedDecoder {
    final DecoderSettings settings;
    final ScalarType type;
    final Table embedding;
    final @Nullable Table learnedPositions;
    final List<FusedLayer> layers = new ArrayList<>();
    final FusedLayer.NormPart finalNorm;
    final FusedHead head;
    /** Whether the two have one gradient. */
    final boolean headIsEmbedding;

    final FusedAttention attention;
    final Workspace saved = new Workspace();
    final Workspace scratch = new Workspace();
    final Parameters parameters;
    private boolean recompute;
    private long passes;
    private final ComputeWeights weights;

    /** A table of vectors by id or position, in the compute type, and its float32 gradient; null for a frozen one. */
    record Table(Rows rows, @Nullable MemorySegment gradient) {}

    /** Makes views of the model's weights, which belong to the innermost scope. */
    public FusedDecoder(
            DecoderSettings settings, WeightNames names, ModelWeights modelWeights, ComputeType computeType) {
        this.settings = settings;
        this.type = computeType.scalarType();
        this.parameters = modelWeights.trained();
        try (NoGrad _ = new NoGrad()) {
            weights = new ComputeWeights(modelWeights, computeType);
            FusedBuilder builder = new FusedBuilder(settings, names, weights);
            String tokens = names.embedding() + ".weight";
            embedding = table(tokens);
            learnedPositions = names.learnedPositions() == null ? null : table(names.learnedPositions() + ".weight");
            for (int i = 0; i < settings.layers(); i++) {
                layers.add(builder.layer(i));
            }
            finalNorm = builder.norm(names.finalNorm());
            String own = names.head() + ".weight";
            boolean tied = settings.tied() && !weights.has(own);
            // Beside a base that is tied, an adapter's embedding is no head.
            boolean trainedEmbedding = tied && modelWeights.adapted().isEmpty();
            headIsEmbedding = trainedEmbedding;
            head = new FusedHead(
                    team(),
                    scratch,
                    type,
                    tied ? weights.baseMatrix(tokens) : weights.matrix(own),
                    tied && !trainedEmbedding ? null : weights.gradient(tied ? tokens : own));
        }
        attention = new FusedAttention(
                team(), scratch, type, settings.heads(), settings.keyValueHeads(), settings.headWidth());
    }

    private Table table(String name) {
        Tensor matrix = weights.matrix(name);
        boolean half = matrix.scalar_type().intern() == ScalarType.BFloat16;
        Rows rows = new Rows(Tensors.bytesOf(matrix), half, (int) matrix.size(0), (int) matrix.size(1));
        return new Table(rows, weights.gradientMemory(name));
    }

    /** Returns the threads of all passes: as many as libtorch's, which rest meanwhile. */
    public static Team team() {
        return Team.shared(() -> {
            int threads = Threads.count();
            Team team = new Team(threads, Threads::dedicate);
            Threads.set(threads); // helpers have changed what libtorch gives to threads that it has not met
            return team;
        });
    }

    /** True where tensors of {@code device} can be worked on by kernels; elsewhere the plain decoder does the same work. */
    public static boolean runsOn(Device device) {
        return !device.isCuda()
                && ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    }

    /**
     * Scores the pack's tokens. With {@code keep}, what {@link FusedPass#backward} needs stays in memory until the next
     * forward; tensors belong to the innermost scope.
     */
    public FusedPass forward(PackedTokens tokens, boolean keep) {
        try (NoGrad _ = new NoGrad();
                Threads.Alone _ = new Threads.Alone()) {
            weights.refresh(team());
            saved.release(Workspace.EMPTY);
            scratch.release(Workspace.EMPTY);
            passes++;
            return new FusedPass(this, tokens, keep, keep && recompute);
        }
    }

    /** Returns the number of passes begun; a pass whose successor has begun has lost its activations. */
    long passes() {
        return passes;
    }

    /** Keeps only the residual stream of each layer for backward, which then runs the layer's forward again. */
    public void recomputeActivations(boolean on) {
        recompute = on;
    }

    public boolean recomputesActivations() {
        return recompute;
    }

    /** Returns the most bytes of activations and scratch that a pass has used. */
    public long workspaceBytes() {
        return saved.peakBytes() + scratch.peakBytes();
    }
}
