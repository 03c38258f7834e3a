package io.github.dpo4j.text;

import io.github.dpo4j.data.RenderExample;
import io.github.dpo4j.text.jinja.TemplateException;
import java.util.ArrayList;
import java.util.List;

/**
 * Rows -> what the model would see of them. A conversation goes through the chat template and is encoded as it stands; text is
 * encoded with the special tokens that the tokenizer adds.
 *
 * @param addGenerationPrompt whether conversations end with the opening of an assistant turn
 */
public record RowRenderer(Tokenizer tokenizer, ConversationRenderer renderer, boolean addGenerationPrompt) {
    /** What became of a row. */
    public sealed interface Rendering {
        @SuppressWarnings("ArrayRecordComponent") // lives until it is written and is never compared
        record Shown(String text, int[] ids) implements Rendering {}

        /** The template refused the conversation, or failed on it; the message is its own, or names its line. */
        record Refused(String message) implements Rendering {}
    }

    /** Renders on all cores, in the order of the rows. */
    public List<Rendering> render(List<RenderExample> examples) {
        List<Rendering> rendered = new ArrayList<>(examples.size());
        Batches.inOrder(examples, batch -> batch.stream().map(this::render).toList(), rendered::addAll);
        return rendered;
    }

    private Rendering render(RenderExample example) {
        return switch (example) {
            case RenderExample.Text(var _, var text) -> new Rendering.Shown(text, tokenizer.encode(text));
            case RenderExample.Chat(var _, var messages, var tools) -> {
                try {
                    String text = renderer.render(messages, tools, addGenerationPrompt);
                    yield new Rendering.Shown(text, tokenizer.encodeRaw(text));
                } catch (TemplateException e) {
                    yield new Rendering.Refused(String.valueOf(e.getMessage()));
                }
            }
        };
    }
}
