package io.github.dpo4j.text;

import java.nio.file.Path;

/** What a model folder says about text: its tokenizer, and the chat template that renders conversations. */
public record ModelText(Tokenizer tokenizer, ConversationRenderer renderer, boolean chat) implements AutoCloseable {
    public static ModelText of(Path folder) {
        Tokenizer tokenizer = Tokenizer.of(folder);
        return new ModelText(tokenizer, ConversationRenderer.absent(folder), false);
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
