package io.github.dpo4j.model.fused;

import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.kernel.Heads;
import io.github.dpo4j.kernel.Norms;
import io.github.dpo4j.kernel.Norms.Addend;
import io.github.dpo4j.kernel.Part;
import io.github.dpo4j.kernel.Rows;
import io.github.dpo4j.kernel.Sight;
import io.github.dpo4j.kernel.Team;
import io.github.dpo4j.model.LayerAttention;
import io.github.dpo4j.model.Rotary;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Consumer;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/** What the layers of one pass share: its pack, memory, threads, and who sees whom. T tokens. */
final class PassContext {
    final FusedDecoder model;
    final Workspace saved;
    final Workspace scratch;
    final int size;
    private final Team team = FusedDecoder.team();
    private final Map<OptionalInt, Sight> sights = new HashMap<>();
    private final Map<Rotary, Heads.Rotation> rotations = new HashMap<>();
    /** Whether the gradients of weights begin with this pass rather than being added to. */
    private boolean overwrite;

    PassContext(FusedDecoder model, PackedTokens tokens) {
        this.model = model;
        this.saved = model.saved;
        this.scratch = model.scratch;
        this.size = tokens.size();
        List<Sight.Run> runs = tokens.segments().stream()
                .map(s -> new Sight.Run(s.start(), s.length(), s.prefixStart(), s.prefixLength()))
                .toList();
        for (LayerAttention layer : model.settings.attention()) {
            sights.computeIfAbsent(layer.window(), window -> Sight.of(runs, size, window.orElse(Integer.MAX_VALUE)));
            layer.rotary()
                    .ifPresent(rotary -> rotations.computeIfAbsent(rotary, r -> {
                        Rotary.Angles angles = r.angles(tokens.positions());
                        return new Heads.Rotation(angles.cos(), angles.sin(), r.width());
                    }));
        }
    }

    Team team() {
        return team;
    }

    void overwrite(boolean begin) {
        overwrite = begin;
    }

    boolean overwrites() {
        return overwrite;
    }

    Sight sight(LayerAttention layer) {
        Sight sight = sights.get(layer.window());
        if (sight == null) {
            throw new IllegalArgumentException("no layer of this model has a window of " + layer.window());
        }
        return sight;
    }

    Heads.@Nullable Rotation rotation(LayerAttention layer) {
        return layer.rotary().map(rotations::get).orElse(null);
    }

    /** Takes [T, width] in the compute type. */
    Matrix take(Workspace workspace, int width) {
        return take(workspace, model.type, width);
    }

    Matrix take(Workspace workspace, ScalarType type, int width) {
        return Matrix.take(workspace, type, size, width);
    }

    /** Runs {@code body} on even parts of all rows, one a thread; a product may go into the rounding of the last. */
    void parts(Consumer<Part> body) {
        team.runParts(Rows.round(size), Norms.ROWS_A_SUM, part -> {
            try (TensorScope _ = new TensorScope()) {
                body.accept(part);
            }
        });
    }

    Part tokensOf(Part part) {
        return part.below(size);
    }

    /** A norm's normalized rows and their inverse deviations. */
    record Normed(Matrix rows, Matrix inverse) {}

    Normed normed() {
        return new Normed(take(saved, model.settings.width()), take(saved, ScalarType.Float, 1));
    }

    /** Adds to the stream and normalises it. */
    void norm(Part part, Matrix stream, List<Addend> pending, FusedLayer.NormPart norm, Normed normed, Matrix out) {
        Norms.forward(
                tokensOf(part),
                stream.rows(),
                pending,
                norm.norm(),
                normed.rows().rows(),
                normed.inverse().rows(),
                out.rows());
    }

    Norms.Sums sums(FusedLayer.NormPart norm) {
        return new Norms.Sums(size, model.settings.width(), norm.biasGradient() != null);
    }

    Norms.Sums sumsOfHeads() {
        return new Norms.Sums(size, model.settings.headWidth(), false);
    }

    /** Adds a pass's sums to the gradients of a norm, or begins them. */
    void addTo(FusedLayer.NormPart norm, Norms.Sums sums) {
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

    /** Takes a norm's gradient back to the stream's. */
    void normBackward(
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
}
