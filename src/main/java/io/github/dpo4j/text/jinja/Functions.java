package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Arguments.Bound;
import io.github.dpo4j.text.jinja.Value.Dict;
import io.github.dpo4j.text.jinja.Value.Function;
import io.github.dpo4j.text.jinja.Value.Namespace;
import io.github.dpo4j.text.jinja.Value.Range;
import io.github.dpo4j.text.jinja.Value.Str;
import java.time.LocalDateTime;
import java.util.Iterator;
import java.util.List;

/** The global functions: range, dict and namespace of Jinja, raise_exception and strftime_now of transformers. */
final class Functions {
    private Functions() {}

    static Value call(Function function, Arguments arguments, Rendering rendering) {
        return switch (function) {
            case RANGE -> range(arguments, rendering);
            case DICT -> dict(arguments, rendering);
            case NAMESPACE -> new Namespace(dict(arguments, rendering));
            case RAISE_EXCEPTION -> {
                Bound bound = arguments.bind(function.called, rendering, "message");
                throw rendering.raised(Printing.text(bound.get("message"), rendering));
            }
            case STRFTIME_NOW -> {
                Bound bound = arguments.bind(function.called, rendering, "format");
                yield new Str(Strftime.format(LocalDateTime.now(rendering.clock()), bound.text("format"), rendering));
            }
        };
    }

    private static Value range(Arguments arguments, Rendering rendering) {
        arguments.bind("range", rendering, "start", "stop", "step");
        List<Value> bounds = arguments.positional();
        if (bounds.isEmpty() || !arguments.named().isEmpty()) {
            throw rendering.error("range takes one to three positional arguments");
        }
        long first = Numbers.index(bounds.getFirst(), rendering);
        long stop = bounds.size() == 1 ? first : Numbers.index(bounds.get(1), rendering);
        long step = bounds.size() < 3 ? 1 : Numbers.index(bounds.get(2), rendering);
        if (step == 0) {
            throw rendering.error("range() arg 3 must not be zero");
        }
        Range range = new Range(bounds.size() == 1 ? 0 : first, stop, step);
        if (range.size() > Range.MAX_SIZE) {
            throw rendering.error("a range of over " + Range.MAX_SIZE + " items");
        }
        return range;
    }

    /** dict(mapping or pairs, name=value...). */
    static Dict dict(Arguments arguments, Rendering rendering) {
        rendering.bytes(200 + 60L * arguments.named().size());
        Dict dict = new Dict();
        if (arguments.positional().size() > 1) {
            throw rendering.error("dict expected at most 1 argument, got "
                    + arguments.positional().size());
        }
        for (Value source : arguments.positional()) {
            if (source instanceof Dict given) {
                dict = CollectionMethods.copy(given, rendering);
                continue;
            }
            Iterator<Value> pairs = Iteration.iterate(source, rendering);
            while (pairs.hasNext()) {
                List<Value> pair = Iteration.list(pairs.next(), rendering);
                if (pair.size() != 2) {
                    throw rendering.error("dict needs pairs of a key and a value");
                }
                rendering.items(8);
                dict.put(Comparisons.hashKey(pair.getFirst(), rendering), pair.getFirst(), pair.getLast());
            }
        }
        arguments.named().forEach(dict::put);
        return dict;
    }
}
