package io.github.dpo4j.data;

import io.github.dpo4j.data.RowParser.Parsed;

/** A row to show: its messages, or else its text. */
final class RenderRow {
    private RenderRow() {}

    static Parsed<RenderExample> parse(Origin origin, RowColumns row) throws BadRowException {
        if (row.has("messages")) {
            return Parsed.of(new RenderExample.Chat(origin, row.messages("messages"), row.tools()));
        }
        if (row.has("text")) {
            return Parsed.of(new RenderExample.Text(origin, row.text("text")));
        }
        for (String column : new String[] {"messages", "text"}) {
            if (row.names(column)) {
                throw new BadRowException("`" + column + "` is null");
            }
        }
        throw new BadRowException("the row has neither `messages` nor `text`");
    }
}
