package io.github.dpo4j.text.jinja;

import java.util.Collections;
import java.util.List;
import java.util.function.Function;

/** Python's stable sort. */
final class Sorting {
    private Sorting() {}

    static <T> void sort(List<T> items, Function<T, Value> key, boolean reverse, Rendering rendering) {
        // Python keeps the order of equals in a reversed sort, too: it reverses, sorts and reverses
        if (reverse) {
            Collections.reverse(items);
        }
        try {
            items.sort((a, b) -> {
                rendering.step();
                Value x = key.apply(a);
                Value y = key.apply(b);
                return Comparisons.less(x, y, false, rendering) ? -1 : Comparisons.less(y, x, false, rendering) ? 1 : 0;
            });
        } catch (IllegalArgumentException e) {
            throw rendering.error("values without an order (not-a-number) cannot be sorted");
        }
        if (reverse) {
            Collections.reverse(items);
        }
    }
}
