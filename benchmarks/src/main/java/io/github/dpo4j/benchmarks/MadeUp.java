package io.github.dpo4j.benchmarks;

import io.github.dpo4j.data.Origin;
import io.github.dpo4j.kernel.Rows;
import io.github.dpo4j.text.TokenizedPair;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Made-up inputs, the same at every run. */
final class MadeUp {
    static final long SEED = 42;

    private MadeUp() {}

    /** Returns pairs of 120 + 40 + 50 tokens of a vocabulary. */
    static List<TokenizedPair> pairs(int count, int vocabulary) {
        SplittableRandom random = new SplittableRandom(SEED);
        List<TokenizedPair> pairs = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            pairs.add(new TokenizedPair(
                    new Origin(Path.of("made-up"), i + 1L),
                    random.ints(120, 0, vocabulary).toArray(),
                    random.ints(40, 0, vocabulary).toArray(),
                    random.ints(50, 0, vocabulary).toArray()));
        }
        return pairs;
    }

    /** Returns float32 from -1 to 1. */
    static MemorySegment floats(long count) {
        MemorySegment memory = Arena.ofAuto().allocate(count * Float.BYTES, 64);
        SplittableRandom random = new SplittableRandom(SEED);
        for (long i = 0; i < count; i++) {
            memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
        }
        return memory;
    }

    /** Returns a matrix of float32 or bfloat16 from -1 to 1. */
    static Rows rows(boolean half, int rows, int width) {
        long count = (long) rows * width;
        MemorySegment floats = floats(count);
        if (!half) {
            return new Rows(floats, false, rows, width);
        }
        MemorySegment memory = Arena.ofAuto().allocate(count * Short.BYTES, 64);
        for (long i = 0; i < count; i++) {
            int bits = floats.getAtIndex(ValueLayout.JAVA_INT, i);
            memory.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (bits >>> 16));
        }
        return new Rows(memory, true, rows, width);
    }
}
