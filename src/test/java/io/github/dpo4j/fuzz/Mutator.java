package io.github.dpo4j.fuzz;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;

/** Makes wrong inputs of right ones; the same random numbers make the same inputs. */
record Mutator(RandomGenerator random) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What takes a value's place, as JSON text; some are not JSON. */
    private static final String[] VALUES = {
        "null",
        "true",
        "false",
        "0",
        "1",
        "-1",
        "2",
        "3",
        "7",
        "255",
        "65536",
        "2147483647",
        "2147483648",
        "4294967295",
        "4294967296",
        "-2147483649",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "-9223372036854775808",
        "99999999999999999999999999",
        "0.5",
        "-0.0",
        "1.0",
        "1e5",
        "1e308",
        "1e999",
        "-1e999",
        "4.9e-324",
        "NaN",
        "Infinity",
        "\"\"",
        "\"x\"",
        "\"0\"",
        "\"a b\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\udfff\\ud800\"",
        "\"é\"",
        "\"\\u2581\"",
        "\"😀\"",
        "\"[\"",
        "\"(a+)+$\"",
        "\"\\\\p{L}\"",
        "[]",
        "{}",
        "[[]]",
        "[null]",
        "[{}]",
        "{\"type\":null}",
        "[1,2]",
        "[[0,1]]"
    };

    <T> T pick(List<T> items) {
        return items.get(random.nextInt(items.size()));
    }

    /** The JSON with one to four changes, most of them to its structure. */
    byte[] json(JsonNode original) {
        int changes = random.nextInt(3) == 0 ? 1 + random.nextInt(4) : 1;
        boolean structural = random.nextInt(4) != 0;
        JsonNode tree = original.deepCopy();
        for (int i = 0; structural && i < changes; i++) {
            change(tree, original);
        }
        String text = written(tree);
        if (structural && random.nextInt(6) == 0) {
            text = textual(text);
        }
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < changes && (!structural || random.nextInt(16) == 0); i++) {
            bytes = bytewise(bytes);
        }
        return bytes;
    }

    /** Changes one place of the tree: what a field or element holds, or which there are. */
    private void change(JsonNode tree, JsonNode original) {
        List<JsonNode> containers = containers(tree);
        if (containers.isEmpty()) {
            return;
        }
        switch (pick(containers)) {
            case ObjectNode object -> {
                List<String> names = new ArrayList<>();
                object.fieldNames().forEachRemaining(names::add);
                String name = pick(names);
                switch (random.nextInt(8)) {
                    case 0 -> object.remove(name);
                    case 1 -> object.set(pick(names), Objects.requireNonNull(object.get(name)));
                    case 2 -> object.set(text(name), Objects.requireNonNull(object.remove(name)));
                    case 3 -> object.set(name, part(original));
                    default -> object.set(name, changed(Objects.requireNonNull(object.get(name))));
                }
            }
            case ArrayNode array -> {
                int at = random.nextInt(array.size());
                switch (random.nextInt(8)) {
                    case 0 -> array.remove(at);
                    case 1 -> array.insert(random.nextInt(array.size()), array.get(at));
                    case 2 -> array.set(at, part(original));
                    case 3 -> {
                        JsonNode repeated = array.get(at);
                        for (int i = random.nextInt(300); i > 0; i--) {
                            array.add(repeated);
                        }
                    }
                    default -> array.set(at, changed(array.get(at)));
                }
            }
            default -> throw new IllegalStateException("neither object nor array");
        }
    }

    private static List<JsonNode> containers(JsonNode tree) {
        List<JsonNode> found = new ArrayList<>();
        if (tree.isContainerNode() && !tree.isEmpty()) {
            found.add(tree);
        }
        tree.forEach(child -> found.addAll(containers(child)));
        return found;
    }

    private JsonNode part(JsonNode original) {
        List<JsonNode> containers = containers(original);
        JsonNode container = pick(containers);
        List<JsonNode> children = new ArrayList<>();
        container.forEach(children::add);
        return pick(children).deepCopy();
    }

    private JsonNode changed(JsonNode value) {
        if (value.isTextual() && random.nextBoolean()) {
            return JSON.getNodeFactory().textNode(text(value.asText()));
        }
        if (value.isIntegralNumber() && random.nextBoolean()) {
            long number = value.asLong();
            long[] near = {number + 1, number - 1, -number, number * 2, number * 1000, number << 32, ~number};
            return JSON.getNodeFactory().numberNode(near[random.nextInt(near.length)]);
        }
        String other = VALUES[random.nextInt(VALUES.length)];
        try {
            return JSON.readTree(other);
        } catch (JsonProcessingException e) {
            return JSON.getNodeFactory().rawValueNode(new com.fasterxml.jackson.databind.util.RawValue(other));
        }
    }

    private static String written(JsonNode tree) {
        try {
            return JSON.writeValueAsString(tree);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Changes to JSON text that no tree can hold: names twice, brackets without end, other spellings. */
    private String textual(String text) {
        int at = random.nextInt(text.length() + 1);
        int open = text.indexOf(random.nextBoolean() ? '{' : '[', at);
        return switch (random.nextInt(6)) {
            case 0 -> text.substring(0, at);
            case 1 -> {
                int end = text.indexOf(',', Math.max(0, open));
                boolean member = open >= 0 && end > open + 1;
                yield member ? text.substring(0, end) + text.substring(open + 1) : text + text;
            }
            case 2 -> {
                String nest = random.nextBoolean() ? "[" : "{\"a\":";
                yield text.substring(0, at) + nest.repeat(1 << random.nextInt(14)) + text.substring(at);
            }
            case 3 -> text.replaceFirst(":\\d+", Matcher.quoteReplacement(":" + VALUES[random.nextInt(VALUES.length)]));
            case 4 -> "\uFEFF" + text;
            default -> text + VALUES[random.nextInt(VALUES.length)];
        };
    }

    /** The text with characters changed, cut, doubled or put in. */
    String text(String text) {
        int at = random.nextInt(text.length() + 1);
        int end = Math.min(text.length(), at + random.nextInt(6));
        return switch (random.nextInt(7)) {
            case 0 -> text.substring(0, at);
            case 1 -> text.substring(at);
            case 2 -> text.substring(0, at) + text.substring(end);
            case 3 -> text.substring(0, end) + text.substring(at);
            case 4 -> text.substring(0, at) + (char) random.nextInt(0x3000) + text.substring(at);
            case 5 -> text.repeat(1 + random.nextInt(20));
            default -> text.substring(0, at) + (char) (' ' + random.nextInt(95)) + text.substring(end);
        };
    }

    /** The bytes with a bit flipped, or a stretch cut out, doubled, moved or replaced. */
    byte[] bytewise(byte[] bytes) {
        if (bytes.length == 0) {
            return new byte[] {(byte) random.nextInt()};
        }
        int at = random.nextInt(bytes.length);
        int length = Math.min(bytes.length - at, 1 + random.nextInt(16));
        return switch (random.nextInt(6)) {
            case 0 -> Arrays.copyOf(bytes, at);
            case 1 -> joined(bytes, 0, at, bytes, at + length, bytes.length);
            case 2 -> joined(bytes, 0, at + length, bytes, at, bytes.length);
            case 3 -> {
                byte[] noise = new byte[length];
                random.nextBytes(noise);
                yield joined(joined(bytes, 0, at, noise, 0, length), 0, at + length, bytes, at, bytes.length);
            }
            default -> flipped(bytes, length);
        };
    }

    private byte[] flipped(byte[] bytes, int times) {
        byte[] flipped = bytes.clone();
        for (int i = 0; i < times; i++) {
            flipped[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
        }
        return flipped;
    }

    private static byte[] joined(byte[] a, int from, int to, byte[] b, int start, int end) {
        byte[] joined = Arrays.copyOf(Arrays.copyOfRange(a, from, to), to - from + end - start);
        System.arraycopy(b, start, joined, to - from, end - start);
        return joined;
    }
}
