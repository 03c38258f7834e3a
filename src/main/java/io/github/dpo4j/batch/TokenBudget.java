package io.github.dpo4j.batch;

import io.github.dpo4j.UserError;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntToLongFunction;
import java.util.stream.IntStream;

/**
 * How many packed tokens one forward and backward may hold. It decides how a step's examples are cut into micro-batches and
 * nothing else: their loss shares and gradients add up to those of the whole step.
 */
public record TokenBudget(int tokens) {
    /** Below this a micro-batch's fixed cost, adding to all gradients, outweighs its products. */
    public static final int LEAST = 512;
    /** Above this products gain a few per cent of speed at best (docs/log.md), and each token costs memory. */
    public static final int MOST = 640;

    private static final int STEP = 128;

    public TokenBudget {
        if (tokens < 1) {
            throw new UserError("tokens_per_micro_batch is " + tokens + "; it must be at least 1");
        }
    }

    /**
     * Returns the budget that half of the free memory holds, 512 or 640 tokens: steps so large that a little more or less
     * of free memory does not change the bits of a run.
     */
    public static TokenBudget choose(long freeBytes, long bytesPerToken) {
        long fits = freeBytes / 2 / Math.max(1, bytesPerToken);
        return new TokenBudget(Math.clamp(fits, LEAST, MOST) / STEP * STEP);
    }

    /**
     * Cuts a step into packs of at most this many tokens, as few as best-fit decreasing finds; an example that is longer is a
     * pack by itself. Examples keep the step's order within their pack, and packs the order of their first examples.
     *
     * @param step example numbers
     * @param tokensOf the packed tokens of an example number
     */
    public List<int[]> packs(int[] step, IntToLongFunction tokensOf) {
        long[] lengths = Arrays.stream(step).mapToLong(tokensOf).toArray();
        List<Integer> longestFirst = IntStream.range(0, step.length)
                .boxed()
                .sorted(Comparator.comparingLong((Integer place) -> lengths[place])
                        .reversed())
                .toList(); // stable: examples of one length stay in order
        List<List<Integer>> packs = new ArrayList<>();
        TreeMap<Long, Deque<List<Integer>>> byRoom = new TreeMap<>();
        for (int place : longestFirst) {
            long length = lengths[place];
            Map.Entry<Long, Deque<List<Integer>>> tightest = byRoom.ceilingEntry(length);
            List<Integer> pack;
            long room;
            if (tightest == null) {
                pack = new ArrayList<>();
                packs.add(pack);
                room = tokens;
            } else {
                room = tightest.getKey();
                pack = tightest.getValue().removeFirst();
                if (tightest.getValue().isEmpty()) {
                    byRoom.remove(room);
                }
            }
            pack.add(place);
            byRoom.computeIfAbsent(room - length, _ -> new ArrayDeque<>()).addLast(pack);
        }
        return packs.stream()
                .peek(pack -> pack.sort(null))
                .sorted(Comparator.comparing(List::getFirst))
                .map(pack -> pack.stream().mapToInt(place -> step[place]).toArray())
                .toList();
    }
}
