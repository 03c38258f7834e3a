package io.github.dpo4j.logprob;

import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.text.TokenizedPreference;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.IdentityHashMap;
import java.util.List;

/**
 * The token logps of a whole store, mapped into memory. A pair is looked up by itself, not by a number that could be another
 * list's. Any thread may read while the arena that the file was mapped in is open.
 */
public final class StoredLogps {
    static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment values;
    private final LogpsLayout layout;
    private final IdentityHashMap<TokenizedPreference, Integer> numbers = new IdentityHashMap<>();

    StoredLogps(MemorySegment values, LogpsLayout layout, List<? extends TokenizedPreference> pairs) {
        this.values = values;
        this.layout = layout;
        for (int i = 0; i < pairs.size(); i++) {
            numbers.put(pairs.get(i), i);
        }
    }

    /**
     * Returns log p of each scored token of the batch, nats, [S], in the order of its pack: the best completions, then those
     * ranked next.
     *
     * @throws IllegalArgumentException for a pair that is not among those of the store
     * @throws IllegalStateException if a value is none
     */
    public float[] of(PreferenceBatch batch) {
        int[] asked = batch.examples().stream().mapToInt(this::number).toArray();
        float[] logps = new float[batch.tokens().scored()];
        layout.inPack(
                asked,
                (packed, stored, count) ->
                        MemorySegment.copy(values, FLOAT, Float.BYTES * stored, logps, packed, count));
        for (float logp : logps) {
            if (!Float.isFinite(logp)) {
                throw new IllegalStateException("a stored logp is not a number: it was never filled");
            }
        }
        return logps;
    }

    private int number(TokenizedPreference example) {
        Integer number = numbers.get(example);
        if (number == null) {
            throw new IllegalArgumentException("the store holds no reference logps of the pair of " + example.origin());
        }
        return number;
    }
}
