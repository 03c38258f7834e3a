package io.github.dpo4j.model;

import io.github.dpo4j.batch.Segment;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/** Causal attention segment by segment: never a T x T product over the pack, nothing between sequences. */
public final class PackedAttention implements AttentionContext {
    private final List<Segment> segments;
    private final List<@Nullable Tensor> masks = new ArrayList<>();

    /** Prepares the masks of the segments that have a prefix; they belong to the innermost scope. */
    public PackedAttention(List<Segment> segments, Device device, ScalarType type) {
        this.segments = segments;
        for (Segment segment : segments) {
            masks.add(segment.prefixLength() == 0 ? null : mask(segment, device, type));
        }
    }

    /** Row i of [length, prefix + length] is 0 up to column prefix + i, and -infinity after it. */
    private static Tensor mask(Segment segment, Device device, ScalarType type) {
        int columns = segment.prefixLength() + segment.length();
        Tensor blocked = Tensors.full(device, type, Double.NEGATIVE_INFINITY, segment.length(), columns);
        return blocked.triu(segment.prefixLength() + 1L);
    }

    @Override
    public Tensor attend(int layer, Tensor queries, Tensor keys, Tensor values, double scale) {
        Tensor allKeys = AttentionContext.forEveryHead(keys, queries.size(1));
        Tensor allValues = AttentionContext.forEveryHead(values, queries.size(1));
        Tensor[] outputs = new Tensor[segments.size()];
        for (int i = 0; i < outputs.length; i++) {
            Segment segment = segments.get(i);
            Tensor mask = masks.get(i);
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
