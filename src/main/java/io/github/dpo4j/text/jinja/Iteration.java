package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Value.Bool;
import io.github.dpo4j.text.jinja.Value.Dict;
import io.github.dpo4j.text.jinja.Value.Flt;
import io.github.dpo4j.text.jinja.Value.Function;
import io.github.dpo4j.text.jinja.Value.Int;
import io.github.dpo4j.text.jinja.Value.Items;
import io.github.dpo4j.text.jinja.Value.Lazy;
import io.github.dpo4j.text.jinja.Value.Loop;
import io.github.dpo4j.text.jinja.Value.Macro;
import io.github.dpo4j.text.jinja.Value.Method;
import io.github.dpo4j.text.jinja.Value.Namespace;
import io.github.dpo4j.text.jinja.Value.None;
import io.github.dpo4j.text.jinja.Value.Range;
import io.github.dpo4j.text.jinja.Value.Str;
import io.github.dpo4j.text.jinja.Value.Tuple;
import io.github.dpo4j.text.jinja.Value.Undefined;
import io.github.dpo4j.text.jinja.Value.View;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Truth, length and items of values, by Python's rules. */
final class Iteration {
    private Iteration() {}

    static boolean truth(Value value) {
        return switch (value) {
            case Bool bool -> bool == Bool.TRUE;
            case None _, Undefined _ -> false;
            case Int(var number) -> number.signum() != 0;
            case Flt(double number) -> number != 0;
            case Str(String text, var _) -> !text.isEmpty();
            case Items(var items) -> !items.isEmpty();
            case Tuple(var items, var _) -> !items.isEmpty();
            case Dict dict -> dict.size() > 0;
            case Range range -> range.size() > 0;
            case View view -> view.dict().size() > 0;
            case Loop loop -> loop.length() > 0;
            case Lazy _, Namespace _, Macro _, Method _, Function _ -> true;
        };
    }

    /** What len() gives; -1 where the value has no length. */
    static int size(Value value, Rendering rendering) {
        return switch (value) {
            case Undefined _ -> 0;
            case Str(String text, var _) -> {
                rendering.scan(text.length());
                yield CodePoints.length(text);
            }
            case Items(var items) -> items.size();
            case Tuple(var items, var _) -> items.size();
            case Dict dict -> dict.size();
            case Range range -> range.size();
            case View view -> view.dict().size();
            case Loop loop -> loop.length();
            case Int _, Flt _, Bool _, None _, Lazy _, Namespace _, Macro _, Method _, Function _ -> -1;
        };
    }

    static boolean isIterable(Value value) {
        return switch (value) {
            case Undefined _, Str _, Items _, Tuple _, Dict _, Range _, View _, Lazy _, Loop _ -> true;
            case Int _, Flt _, Bool _, None _, Namespace _, Macro _, Method _, Function _ -> false;
        };
    }

    static Iterator<Value> iterate(Value value, Rendering rendering) {
        return switch (value) {
            case Undefined _ -> List.<Value>of().iterator();
            case Str(String text, var _) -> {
                rendering.scan(text.length());
                yield text.codePoints()
                        .mapToObj(c -> (Value) new Str(Character.toString(c)))
                        .iterator();
            }
            case Items(var items) -> items.iterator();
            case Tuple(var items, var _) -> items.iterator();
            case Range range ->
                IntStream.range(0, range.size()).mapToObj(range::get).iterator();
            case Dict dict -> dict.entries().stream().map(Map.Entry::getKey).iterator();
            case View view ->
                view.dict().entries().stream()
                        .map(entry -> switch (view.kind()) {
                            case KEYS -> entry.getKey();
                            case VALUES -> entry.getValue();
                            case ITEMS -> (Value) new Tuple(List.of(entry.getKey(), entry.getValue()));
                        })
                        .iterator();
            case Lazy lazy -> lazy.iterator;
            case Int _, Flt _, Bool _, None _, Namespace _, Loop _, Macro _, Method _, Function _ ->
                throw rendering.error("'" + value.type() + "' object is not iterable");
        };
    }

    static List<Value> list(Value value, Rendering rendering) {
        if (value instanceof Items(var items)) {
            rendering.items(items.size());
            return items;
        }
        List<Value> list = new ArrayList<>();
        Iterator<Value> items = iterate(value, rendering);
        while (items.hasNext()) {
            rendering.step();
            rendering.items(4);
            list.add(items.next());
        }
        return list;
    }

    /** An iterator whose nesting is counted: a chain of generators would overflow the stack when it is used at last. */
    static Lazy lazy(Iterator<Value> items, Rendering rendering) {
        return new Lazy(new Iterator<>() {
            @Override
            public boolean hasNext() {
                rendering.enter();
                boolean more = items.hasNext();
                rendering.exit();
                return more;
            }

            @Override
            public Value next() {
                rendering.enter();
                Value item = items.next();
                rendering.exit();
                return item;
            }
        });
    }
}
