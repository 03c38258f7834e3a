package io.github.dpo4j.batch;

import io.github.dpo4j.UserError;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.TreeSet;
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
    public static final int MOST = 1024;

    private static final int STEP = 128;

    public TokenBudget {
        if (tokens < 1) {
            throw new UserError("tokens_per_micro_batch is " + tokens + "; it must be at least 1");
        }
    }

    /**
     * Returns the budget that half of the free memory holds, 512 to 1024 tokens: steps so large that a little more or less
     * of free memory does not change the bits of a run.
     */
    public static TokenBudget choose(long freeBytes, long bytesPerToken) {
        long fits = freeBytes / 2 / Math.max(1, bytesPerToken);
        return new TokenBudget(Math.clamp(fits, LEAST, MOST) / STEP * STEP);
    }

    /** Returns the least budget that is chosen and holds {@code tokens}, or this one if it does or if none is. */
    public TokenBudget orStep(long tokens) {
        long enough = Math.ceilDiv(tokens, STEP) * STEP;
        return enough <= this.tokens || enough > MOST ? this : new TokenBudget((int) enough);
    }

    /**
     * Cuts a step into packs of at most this many tokens, as few as best-fit decreasing finds, and evens them out: products of
     * few rows are slow, and the largest pack decides about memory. An example that is longer than the budget is a pack by
     * itself. Examples keep the step's order within their pack, and packs the order of their first examples.
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
        List<Pack> few = bestFit(longestFirst, lengths);
        List<Pack> even = even(longestFirst, lengths, few.size());
        return (even.stream().allMatch(this::holds) ? even : few)
                .stream()
                        .map(Pack::places)
                        .peek(places -> places.sort(null))
                        .sorted(Comparator.comparing(List::getFirst))
                        .map(places ->
                                places.stream().mapToInt(place -> step[place]).toArray())
                        .toList();
    }

    private record Pack(int number, long tokens, List<Integer> places) {
        static Pack empty(int number) {
            return new Pack(number, 0, new ArrayList<>());
        }

        Pack with(int place, long length) {
            places.add(place);
            return new Pack(number, tokens + length, places);
        }
    }

    private boolean holds(Pack pack) {
        return pack.tokens() <= tokens || pack.places().size() == 1;
    }

    /** Each example to the fullest pack that has room for it. */
    private List<Pack> bestFit(List<Integer> longestFirst, long[] lengths) {
        TreeSet<Pack> byTokens = new TreeSet<>(Comparator.comparingLong(Pack::tokens)
                .thenComparing(Comparator.comparingInt(Pack::number).reversed()));
        for (int place : longestFirst) {
            Pack fullest = byTokens.floor(new Pack(-1, tokens - lengths[place], List.of()));
            if (fullest == null) {
                fullest = Pack.empty(byTokens.size());
            } else {
                byTokens.remove(fullest);
            }
            byTokens.add(fullest.with(place, lengths[place]));
        }
        return List.copyOf(byTokens);
    }

    /** Each example to the emptiest of so many packs. */
    private static List<Pack> even(List<Integer> longestFirst, long[] lengths, int count) {
        PriorityQueue<Pack> emptiest =
                new PriorityQueue<>(Comparator.comparingLong(Pack::tokens).thenComparingInt(Pack::number));
        IntStream.range(0, count).mapToObj(Pack::empty).forEach(emptiest::add);
        for (int place : longestFirst) {
            emptiest.add(emptiest.remove().with(place, lengths[place]));
        }
        return List.copyOf(emptiest);
    }
}
