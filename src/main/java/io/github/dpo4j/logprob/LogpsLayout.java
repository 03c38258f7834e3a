package io.github.dpo4j.logprob;

import io.github.dpo4j.text.TokenizedPair;
import java.util.List;

/** Where each pair's token logps lie in a store: pair after pair, the chosen completion's tokens, then the rejected one's. */
final class LogpsLayout {
    private final long[] starts;
    private final int[] chosen;

    private LogpsLayout(long[] starts, int[] chosen) {
        this.starts = starts;
        this.chosen = chosen;
    }

    static LogpsLayout of(List<TokenizedPair> pairs) {
        long[] starts = new long[pairs.size() + 1];
        int[] chosen = new int[pairs.size()];
        for (int i = 0; i < chosen.length; i++) {
            chosen[i] = pairs.get(i).chosenIds().length;
            starts[i + 1] = starts[i] + chosen[i] + pairs.get(i).rejectedIds().length;
        }
        return new LogpsLayout(starts, chosen);
    }

    int pairs() {
        return chosen.length;
    }

    /** Returns the scored tokens of all pairs. */
    long tokens() {
        return starts[chosen.length];
    }

    long bytes() {
        return Float.BYTES * tokens();
    }

    /** Returns the place of a pair's first token, counted in tokens; that of pair {@link #pairs()} is the end. */
    long start(int pair) {
        return starts[pair];
    }

    /** Returns the scored tokens of the pairs [from, to). */
    int tokens(int from, int to) {
        return Math.toIntExact(starts[to] - starts[from]);
    }

    int chosenTokens(int pair) {
        return chosen[pair];
    }

    int rejectedTokens(int pair) {
        return tokens(pair, pair + 1) - chosen[pair];
    }
}
