package io.github.dpo4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.data.RowParser.Parsed;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** A row of ranked completions: {@code prompt} and {@code completions}, best first or with {@code ranks}; or a preference pair. */
final class RankingRow {
    private RankingRow() {}

    static Parsed<RankedExample> parse(Origin origin, RowColumns row) throws BadRowException {
        boolean pair = !row.names("completions") || (!row.has("completions") && row.has("chosen"));
        if (pair) {
            Parsed<PreferenceExample> two = PreferenceRow.parse(origin, row);
            return new Parsed<>(RankedExample.of(two.example()), two.diverged());
        }
        List<JsonNode> completions = bestFirst(row);
        boolean plain = row.textOrMessages("prompt").isTextual();
        for (JsonNode completion : completions) {
            if (plain ? !completion.isTextual() : !completion.isArray()) {
                throw new BadRowException("`prompt` is " + (plain ? "text" : "a list of messages")
                        + ", so each of `completions` must be " + (plain ? "text" : "a list of messages"));
            }
        }
        if (plain) {
            List<String> texts = completions.stream().map(JsonNode::asText).toList();
            requireDifferent(texts);
            return Parsed.of(new RankedExample.Plain(origin, row.text("prompt"), texts));
        }
        List<List<Message>> conversations = new ArrayList<>();
        for (JsonNode completion : completions) {
            conversations.add(RowColumns.messages(completion, "completions"));
        }
        requireDifferent(conversations);
        return Parsed.of(new RankedExample.Chat(origin, row.messages("prompt"), conversations, row.tools()));
    }

    private static List<JsonNode> bestFirst(RowColumns row) throws BadRowException {
        List<JsonNode> completions = list(row, "completions");
        if (completions.size() < 2) {
            throw new BadRowException("`completions` has " + completions.size() + " element"
                    + (completions.size() == 1 ? "" : "s") + " but a ranking needs two or more");
        }
        if (!row.has("ranks")) {
            return completions;
        }
        List<JsonNode> ranks = list(row, "ranks");
        if (ranks.size() != completions.size()) {
            throw new BadRowException(
                    "`ranks` has " + ranks.size() + " elements for " + completions.size() + " completions");
        }
        List<Double> values = new ArrayList<>();
        for (JsonNode rank : ranks) {
            if (!rank.isNumber() || !Double.isFinite(rank.asDouble())) {
                throw new BadRowException("`ranks` holds " + rank + " but must hold finite numbers");
            }
            if (values.contains(rank.asDouble())) {
                throw new BadRowException(
                        "`ranks` holds " + rank + " twice, but a ranking says of any two completions which is better");
            }
            values.add(rank.asDouble());
        }
        return IntStream.range(0, values.size())
                .boxed()
                .sorted(Comparator.comparing(values::get))
                .map(completions::get)
                .toList();
    }

    private static List<JsonNode> list(RowColumns row, String column) throws BadRowException {
        JsonNode value = row.value(column);
        if (!value.isArray()) {
            throw new BadRowException("`" + column + "` must be a list");
        }
        List<JsonNode> elements = new ArrayList<>();
        value.forEach(elements::add);
        return elements;
    }

    private static void requireDifferent(List<?> completions) throws BadRowException {
        for (int i = 0; i < completions.size(); i++) {
            int first = completions.indexOf(completions.get(i));
            if (first < i) {
                throw new BadRowException("two of `completions` are equal, so there is no preference between them");
            }
        }
    }
}
