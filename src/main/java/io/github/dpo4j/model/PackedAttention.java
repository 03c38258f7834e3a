package io.github.dpo4j.model;

import io.github.dpo4j.batch.Segment;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.Tensors;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/** Causal attention segment by segment: never a T x T product over the pack, nothing between sequences. */
public final class PackedAttention implements AttentionContext {
    private final List<Segment> segments;
    private final Device device;
    private final ScalarType type;
    /** Of each segment, by the layer's window; null for one that sees all of itself before each token. */
    private final Map<OptionalInt, List<@Nullable Tensor>> masks = new HashMap<>();

    /** Masks are made when a layer needs them; they belong to the scope that is then the innermost. */
    public PackedAttention(List<Segment> segments, Device device, ScalarType type) {
        this.segments = segments;
        this.device = device;
        this.type = type;
    }

    private List<@Nullable Tensor> masks(OptionalInt window) {
        List<@Nullable Tensor> all = new ArrayList<>();
        for (Segment segment : segments) {
            int columns = segment.prefixLength() + segment.length();
            boolean narrow = window.isPresent() && window.getAsInt() < columns;
            all.add(
                    segment.prefixLength() == 0 && !narrow
                            ? null
                            : mask(segment, columns, narrow ? window : OptionalInt.empty()));
        }
        return all;
    }

    /** Row i of [length, prefix + length] is 0 up to column prefix + i, or the window's width before it, and -infinity elsewhere. */
    private Tensor mask(Segment segment, int columns, OptionalInt window) {
        Tensor blocked = Tensors.full(device, type, Double.NEGATIVE_INFINITY, segment.length(), columns);
        Tensor later = blocked.triu(segment.prefixLength() + 1L);
        return window.isEmpty() ? later : later.add(blocked.tril(segment.prefixLength() - (long) window.getAsInt()));
    }

    @Override
    public Tensor attend(int layer, Tensor queries, Tensor keys, Tensor values, double scale, OptionalInt window) {
        List<@Nullable Tensor> ofWindow = masks.computeIfAbsent(window, this::masks);
        Tensor allKeys = AttentionContext.forEveryHead(keys, queries.size(1));
        Tensor allValues = AttentionContext.forEveryHead(values, queries.size(1));
        Tensor[] outputs = new Tensor[segments.size()];
        for (int i = 0; i < outputs.length; i++) {
            Segment segment = segments.get(i);
            Tensor mask = ofWindow.get(i);
            outputs[i] = Tensors.attention(
                            headsFirst(queries.narrow(0, segment.start(), segment.length())),
                            headsFirst(withPrefix(allKeys, segment)),
                            headsFirst(withPrefix(allValues, segment)),
                            mask,
                            mask == null,
                            scale)
                    .squeeze(0)
                    .transpose(0, 1);
        }
        return Tensors.cat(0, outputs);
    }

    private static Tensor withPrefix(Tensor all, Segment segment) {
        Tensor own = all.narrow(0, segment.start(), segment.length());
        return segment.prefixLength() == 0
                ? own
                : Tensors.cat(0, all.narrow(0, segment.prefixStart(), segment.prefixLength()), own);
    }

    /** [time, heads, headWidth] as [1, heads, time, headWidth]. */
    private static Tensor headsFirst(Tensor x) {
        return x.transpose(0, 1).unsqueeze(0);
    }
}
