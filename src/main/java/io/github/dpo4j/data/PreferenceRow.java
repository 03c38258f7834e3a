package io.github.dpo4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.data.RowParser.Parsed;
import java.util.List;

/** A preference row in any of the shapes that TRL documents, or an HH transcript. */
final class PreferenceRow {
    private PreferenceRow() {}

    static Parsed<PreferenceExample> parse(Origin origin, RowColumns row) throws BadRowException {
        if (row.has("completions") && !row.has("chosen")) {
            throw new BadRowException(
                    "the row has `completions`, not `chosen` and `rejected`; the plackett_luce loss takes"
                            + " such rows");
        }
        JsonNode chosen = row.textOrMessages("chosen");
        JsonNode rejected = row.textOrMessages("rejected");
        if (chosen.isTextual() != rejected.isTextual()) {
            throw new BadRowException("`chosen` is " + shape(chosen) + " but `rejected` is " + shape(rejected));
        }
        return chosen.isTextual() ? plain(origin, row) : Parsed.of(chat(origin, row));
    }

    private static Parsed<PreferenceExample> plain(Origin origin, RowColumns row) throws BadRowException {
        String chosen = row.text("chosen");
        String rejected = row.text("rejected");
        if (chosen.isEmpty() && rejected.isEmpty()) {
            throw new BadRowException("`chosen` and `rejected` are both empty");
        }
        if (chosen.equals(rejected)) {
            throw new BadRowException("`chosen` equals `rejected`, so there is no preference in the row");
        }
        if (row.names("prompt")) {
            if (row.textOrMessages("prompt").isArray()) {
                throw new BadRowException("`prompt` is a list of messages but `chosen` and `rejected` are text");
            }
            return Parsed.of(new PreferenceExample.Plain(origin, row.text("prompt"), chosen, rejected));
        }
        if (HhTranscript.looksLike(chosen, rejected)) {
            HhTranscript transcript = HhTranscript.cut(chosen, rejected);
            return new Parsed<>(
                    new PreferenceExample.Plain(
                            origin, transcript.prompt(), transcript.chosen(), transcript.rejected()),
                    transcript.diverged());
        }
        int end = ImplicitPrompt.end(chosen, rejected);
        return Parsed.of(new PreferenceExample.Plain(
                origin, chosen.substring(0, end), chosen.substring(end), rejected.substring(end)));
    }

    private static PreferenceExample chat(Origin origin, RowColumns row) throws BadRowException {
        List<Message> chosen = row.messages("chosen");
        List<Message> rejected = row.messages("rejected");
        if (chosen.equals(rejected)) {
            throw new BadRowException("`chosen` equals `rejected`, so there is no preference in the row");
        }
        if (row.names("prompt") && row.textOrMessages("prompt").isArray()) {
            return new PreferenceExample.Chat(origin, row.messages("prompt"), chosen, rejected, row.tools());
        }
        int end = ImplicitPrompt.end(chosen, rejected);
        if (row.names("prompt")) {
            // Some datasets (UltraFeedback, binarized) repeat as text a prompt that the conversations hold already.
            String prompt = row.text("prompt");
            if (chosen.subList(0, end).stream()
                    .noneMatch(message -> message.content().equals(prompt))) {
                throw new BadRowException(
                        "`prompt` is text but `chosen` and `rejected` are lists of messages that do not "
                                + "start with it");
            }
        }
        if (end == 0) {
            throw new BadRowException("`chosen` and `rejected` share no first message, so the row has no prompt");
        }
        return new PreferenceExample.Chat(
                origin,
                chosen.subList(0, end),
                chosen.subList(end, chosen.size()),
                rejected.subList(end, rejected.size()),
                row.tools());
    }

    private static String shape(JsonNode value) {
        return value.isTextual() ? "text" : "a list of messages";
    }
}
