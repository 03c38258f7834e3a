package io.github.dpo4j.text.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;

/** Python's stable sort. */
final class Sorting {
    private Sorting() {}

    private record Keyed<T>(Value key, T item) {}

    /** Each item's key is made once, as in Python. */
    static <T> void sort(List<T> items, Function<T, Value> key, boolean reverse, Rendering rendering) {
        List<Keyed<T>> keyed = new ArrayList<>(items.size());
        for (T item : items) {
            rendering.bytes(100);
            keyed.add(new Keyed<>(key.apply(item), item));
        }
        // Python keeps the order of equals in a reversed sort, too: it reverses, sorts and reverses
        if (reverse) {
            Collections.reverse(keyed);
        }
        try {
            keyed.sort((a, b) -> {
                rendering.step();
                return Comparisons.less(a.key, b.key, false, rendering)
                        ? -1
                        : Comparisons.less(b.key, a.key, false, rendering) ? 1 : 0;
            });
        } catch (IllegalArgumentException e) {
            throw rendering.error("values without an order (not-a-number) cannot be sorted");
        }
        if (reverse) {
            Collections.reverse(keyed);
        }
        for (int i = 0; i < keyed.size(); i++) {
            items.set(i, keyed.get(i).item);
        }
    }
}
