package io.github.dpo4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.data.RowParser.Parsed;

/** A row to continue: its prompt, its messages, or the prompt of a preference pair. */
final class PromptRow {
    private PromptRow() {}

    static Parsed<PromptExample> parse(Origin origin, RowColumns row) throws BadRowException {
        if (row.names("prompt")) {
            JsonNode prompt = row.textOrMessages("prompt");
            if (prompt.isArray()) {
                return Parsed.of(new PromptExample.Chat(origin, row.messages("prompt"), row.tools()));
            }
            if (!row.row().path("chosen").isArray()) {
                return Parsed.of(new PromptExample.Plain(origin, prompt.asText()));
            }
            // Text beside conversations: the pair's rules decide whether the conversations hold it.
        } else if (row.has("messages")) {
            return Parsed.of(new PromptExample.Chat(origin, row.messages("messages"), row.tools()));
        } else if (!row.names("chosen") && !row.names("rejected")) {
            throw new BadRowException("the row has none of `prompt`, `messages`, or `chosen` with `rejected`");
        }
        Parsed<PreferenceExample> pair = PreferenceRow.parse(origin, row);
        return new Parsed<>(promptOf(pair.example()), pair.diverged());
    }

    private static PromptExample promptOf(PreferenceExample pair) {
        return switch (pair) {
            case PreferenceExample.Plain(var origin, var prompt, var _, var _) ->
                new PromptExample.Plain(origin, prompt);
            case PreferenceExample.Chat(var origin, var prompt, var _, var _, var tools) ->
                new PromptExample.Chat(origin, prompt, tools);
        };
    }
}
