package io.github.dpo4j.model;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Where the gradients of the flat weights lie in a buffer of {@code elements} of their own. */
record GradientLayout(GradientStorage storage, List<Stretch> layers, List<Stretch> others, long elements) {
    /** Weights [from, to) whose gradients lie together from {@code at} on. */
    record Stretch(long from, long to, long at) {}

    /**
     * Lays out gradients of weights that lie in this order: matrices outside layers, those of each layer, vectors.
     *
     * @param ends where the matrices outside layers end, and those of each layer
     * @param elements of all weights
     */
    static GradientLayout of(GradientStorage storage, List<Long> ends, long elements) {
        return switch (storage) {
            case WHOLE -> new GradientLayout(storage, List.of(), List.of(new Stretch(0, elements, 0)), elements);
            case BY_LAYER -> byLayer(ends, elements);
        };
    }

    private static GradientLayout byLayer(List<Long> ends, long elements) {
        long outside = ends.getFirst();
        List<Stretch> layers = new ArrayList<>();
        long largest = 0;
        for (int i = 1; i < ends.size(); i++) {
            layers.add(new Stretch(ends.get(i - 1), ends.get(i), outside));
            largest = Math.max(largest, ends.get(i) - ends.get(i - 1));
        }
        long vectors = elements - ends.getLast();
        return new GradientLayout(
                GradientStorage.BY_LAYER,
                layers,
                List.of(new Stretch(0, outside, 0), new Stretch(ends.getLast(), elements, outside + largest)),
                outside + largest + vectors);
    }

    /** Returns where the gradient of the weight at {@code weight} lies. */
    long at(long weight) {
        Stretch stretch = of(weight);
        return stretch.at() + weight - stretch.from();
    }

    /** Returns the stretch that a weight belongs to. */
    Stretch of(long weight) {
        return Stream.concat(others.stream(), layers.stream())
                .filter(stretch -> stretch.from() <= weight && weight < stretch.to())
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no weight lies at " + weight));
    }
}
