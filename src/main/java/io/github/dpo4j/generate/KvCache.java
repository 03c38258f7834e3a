package io.github.dpo4j.generate;

import io.github.dpo4j.batch.Segment;
import io.github.dpo4j.model.AttentionContext;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.PackedAttention;
import io.github.dpo4j.torch.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Keys and values of B sequences, [B, heads, columns, headWidth] a layer. Prompts end at one common column, so each step of
 * decoding writes one column; a mask hides what stands before a shorter prompt. Its tensors belong to the scope it was made in.
 */
final class KvCache {
    private final CausalLm model;
    private final int[] promptLengths;
    private final int promptColumns;
    private final int columns;
    private final List<Tensor> keys = new ArrayList<>();
    private final List<Tensor> values = new ArrayList<>();
    private final Tensor hidden;

    KvCache(CausalLm model, int[] promptLengths, int newTokens) {
        this.model = model;
        this.promptLengths = promptLengths.clone();
        this.promptColumns = Arrays.stream(promptLengths).max().orElseThrow();
        this.columns = promptColumns + newTokens;
        int sequences = promptLengths.length;
        ScalarType type = model.computeType().scalarType();
        long[] shape = {
            sequences, model.settings().heads(), columns, model.settings().headWidth()
        };
        for (int layer = 0; layer < model.settings().layers(); layer++) {
            keys.add(Tensors.zeros(model.device(), type, shape));
            values.add(Tensors.zeros(model.device(), type, shape));
        }
        hidden = Tensors.zeros(model.device(), type, sequences, 1, 1, columns);
        for (int i = 0; i < sequences; i++) {
            hidden.select(0, i)
                    .narrow(2, 0, promptColumns - promptLengths[i])
                    .fill_(new Scalar(Double.NEGATIVE_INFINITY));
        }
    }

    /** Attention over whole prompts, packed one after the other, that also fills the cache. */
    AttentionContext prompts(List<Segment> segments) {
        PackedAttention packed = new PackedAttention(
                segments, model.device(), model.computeType().scalarType());
        return (layer, q, k, v, scale, window) -> {
            for (int i = 0; i < segments.size(); i++) {
                Segment segment = segments.get(i);
                store(keys.get(layer), i, k.narrow(0, segment.start(), segment.length()));
                store(values.get(layer), i, v.narrow(0, segment.start(), segment.length()));
            }
            return packed.attend(layer, q, k, v, scale, window);
        };
    }

    /** Writes [length, keyValueHeads, headWidth] right before the first column of decoding. */
    private void store(Tensor cache, int sequence, Tensor rows) {
        Tensor everyHead = AttentionContext.forEveryHead(rows, model.settings().heads());
        cache.select(0, sequence)
                .narrow(1, promptColumns - rows.size(0), rows.size(0))
                .copy_(everyHead.transpose(0, 1));
    }

    /** Attention of one new token of each sequence, the {@code step}-th after the prompts, from 0. */
    AttentionContext next(int step) {
        int column = promptColumns + step;
        return (layer, q, k, v, scale, window) -> {
            long first = Math.max(0, column + 1L - window.orElse(Integer.MAX_VALUE));
            long seen = column + 1 - first;
            long heads = model.settings().heads();
            keys.get(layer).select(2, column).copy_(AttentionContext.forEveryHead(k, heads));
            values.get(layer).select(2, column).copy_(AttentionContext.forEveryHead(v, heads));
            return Tensors.attention(
                            q.unsqueeze(2),
                            keys.get(layer).narrow(2, first, seen),
                            values.get(layer).narrow(2, first, seen),
                            hidden.narrow(3, first, seen),
                            false,
                            scale)
                    .squeeze(2);
        };
    }

    /** Returns the positions of the {@code step}-th new tokens in their sequences. */
    int[] positions(int step) {
        return Arrays.stream(promptLengths)
                .map(length -> Math.min(length + step, lastPosition()))
                .toArray();
    }

    /** A sequence that has ended runs along unread until its batch mates end; it may not leave the model's positions. */
    private int lastPosition() {
        return model.settings().positionLimit().orElse(Integer.MAX_VALUE) - 1;
    }
}
