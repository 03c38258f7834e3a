package io.github.dpo4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.data.RowParser.Parsed;

/**
 * A row to learn from. Of several shapes in one row the first of these counts: completion, messages, text, and last a
 * preference pair, whose chosen completion is learned (Preferred-FT of the DPO paper).
 */
final class SftRow {
    private SftRow() {}

    static Parsed<SftExample> parse(Origin origin, RowColumns row) throws BadRowException {
        if (row.has("completion")) {
            return Parsed.of(completion(origin, row));
        }
        if (row.has("messages")) {
            return Parsed.of(new SftExample.Chat(origin, row.messages("messages"), row.tools()));
        }
        if (row.has("text")) {
            String text = row.text("text");
            if (text.isEmpty()) {
                throw new BadRowException("`text` is empty");
            }
            return Parsed.of(new SftExample.Text(origin, text));
        }
        if (row.names("chosen") || row.names("rejected")) {
            Parsed<PreferenceExample> pair = PreferenceRow.parse(origin, row);
            return new Parsed<>(preferred(pair.example()), pair.diverged());
        }
        for (String column : new String[] {"completion", "messages", "text"}) {
            if (row.names(column)) {
                throw new BadRowException("`" + column + "` is null");
            }
        }
        throw new BadRowException(
                "the row has none of `text`, `messages`, `prompt` with `completion`, or `chosen` with `rejected`");
    }

    private static SftExample completion(Origin origin, RowColumns row) throws BadRowException {
        JsonNode prompt = row.textOrMessages("prompt");
        JsonNode completion = row.textOrMessages("completion");
        if (prompt.isTextual() != completion.isTextual()) {
            throw new BadRowException("of `prompt` and `completion` one is text and the other a list of messages");
        }
        if (prompt.isArray()) {
            return new SftExample.ChatCompletion(
                    origin, row.messages("prompt"), row.messages("completion"), row.tools());
        }
        if (completion.asText().isEmpty()) {
            throw new BadRowException("`completion` is empty");
        }
        return new SftExample.Completion(origin, prompt.asText(), completion.asText());
    }

    private static SftExample preferred(PreferenceExample pair) {
        return switch (pair) {
            case PreferenceExample.Plain(var origin, var prompt, var chosen, var _) ->
                new SftExample.Completion(origin, prompt, chosen);
            case PreferenceExample.Chat(var origin, var prompt, var chosen, var _, var tools) ->
                new SftExample.ChatCompletion(origin, prompt, chosen, tools);
        };
    }
}
