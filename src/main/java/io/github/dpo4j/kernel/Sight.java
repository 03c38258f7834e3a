package io.github.dpo4j.kernel;

import java.util.ArrayList;
import java.util.List;

/**
 * Which keys each query of a pack sees. Tokens that see each other lie in one block (a pair: prompt, chosen, rejected); a
 * token sees two ranges of its own block, the second after the first: a rejected completion sees the prompt and itself.
 *
 * @param blocks they cover the pack in order
 * @param from first key of the first range, from the block's start; [T], as the others
 * @param to end of the first range
 * @param secondFrom first key of the second range
 * @param secondTo end of the second range, the token itself included
 */
@SuppressWarnings("ArrayRecordComponent") // bulk data; nobody compares it
public record Sight(List<Block> blocks, int[] from, int[] to, int[] secondFrom, int[] secondTo) {
    /**
     * Tokens [start, start + length) of the pack.
     *
     * @param at where the block begins once every block takes its {@link #room}
     */
    public record Block(int start, int length, int at) {
        /** Returns the rows that attention gives the block: its length and zeros after it. */
        public int room() {
            return Rows.round(length);
        }
    }

    /** Returns the rows that attention gives all blocks. */
    public int room() {
        return blocks.isEmpty() ? 0 : blocks.getLast().at() + blocks.getLast().room();
    }

    /** A run of tokens that sees itself causally and, before that, all of a prefix (length 0: none). */
    public record Run(int start, int length, int prefixStart, int prefixLength) {}

    /** Makes the sight of runs that lie back to back; a prefix lies before its run. */
    public static Sight of(List<Run> runs, int tokens) {
        return of(runs, tokens, Integer.MAX_VALUE);
    }

    /** As {@link #of(List, int)} where a token sees no more than the last {@code window} tokens, itself included. */
    public static Sight of(List<Run> runs, int tokens, int window) {
        List<Block> blocks = new ArrayList<>();
        for (Run run : runs) {
            if (run.length() == 0) {
                continue;
            }
            int start = run.prefixLength() == 0 ? run.start() : run.prefixStart();
            while (!blocks.isEmpty()
                    && blocks.getLast().start() + blocks.getLast().length() > start) {
                start = Math.min(start, blocks.removeLast().start());
            }
            int at = blocks.isEmpty()
                    ? 0
                    : blocks.getLast().at() + blocks.getLast().room();
            blocks.add(new Block(start, run.start() + run.length() - start, at));
        }
        Sight sight =
                new Sight(List.copyOf(blocks), new int[tokens], new int[tokens], new int[tokens], new int[tokens]);
        int next = 0;
        for (Run run : runs) {
            if (run.length() == 0) {
                continue;
            }
            while (blocks.get(next).start() + blocks.get(next).length() <= run.start()) {
                next++;
            }
            sight.fill(run, blocks.get(next).start(), window);
        }
        return sight;
    }

    private void fill(Run run, int blockStart, int window) {
        for (int t = run.start(); t < run.start() + run.length(); t++) {
            from[t] = run.prefixLength() == 0 ? run.start() - blockStart : run.prefixStart() - blockStart;
            to[t] = run.prefixLength() == 0 ? t - blockStart + 1 : from[t] + run.prefixLength();
            secondFrom[t] = run.prefixLength() == 0 ? to[t] : run.start() - blockStart;
            secondTo[t] = t - blockStart + 1;
            int hidden = to[t] - from[t] + secondTo[t] - secondFrom[t] - window;
            if (hidden > 0) {
                int ofFirst = Math.min(hidden, to[t] - from[t]);
                from[t] += ofFirst;
                secondFrom[t] += hidden - ofFirst;
            }
        }
    }
}
