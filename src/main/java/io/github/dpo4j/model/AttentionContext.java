package io.github.dpo4j.model;

import java.util.OptionalInt;
import org.bytedeco.pytorch.Tensor;

/** Who attends to whom: packed segments in training, a key-value cache in generation. */
public interface AttentionContext {
    /**
     * Returns what the T queries read, [T, heads, headWidth].
     *
     * @param layer the layer's number, from 0
     * @param queries [T, heads, headWidth], rotated
     * @param keys [T, keyValueHeads, headWidth], rotated
     * @param values [T, keyValueHeads, headWidth]
     * @param scale what the scores are multiplied with
     * @param window as in {@link LayerAttention#window}
     */
    Tensor attend(int layer, Tensor queries, Tensor keys, Tensor values, double scale, OptionalInt window);

    /** Repeats [T, keyValueHeads, headWidth] so that every query head has its own: [T, heads, headWidth]. */
    static Tensor forEveryHead(Tensor keysOrValues, long heads) {
        long keyValueHeads = keysOrValues.size(1);
        if (keyValueHeads == heads) {
            return keysOrValues;
        }
        long rows = keysOrValues.size(0);
        long headWidth = keysOrValues.size(2);
        return keysOrValues
                .unsqueeze(2)
                .expand(rows, keyValueHeads, heads / keyValueHeads, headWidth)
                .reshape(rows, heads, headWidth);
    }
}
