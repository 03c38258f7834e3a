package io.github.dpo4j.text;

import io.github.dpo4j.UserError;
import io.github.dpo4j.text.jinja.TemplateException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.Optional;

/** What a model folder says about text: its tokenizer, and the chat template that renders conversations, if it has one. */
public record ModelText(Tokenizer tokenizer, ConversationRenderer renderer, boolean chat) implements AutoCloseable {
    public static ModelText of(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new UserError(folder + " is not a folder; --model takes a Hugging Face model folder");
        }
        Tokenizer tokenizer = Tokenizer.of(folder);
        Optional<String> source = ChatTemplateSource.in(folder);
        return new ModelText(
                tokenizer,
                source.map(template -> renderer(folder, template, tokenizer))
                        .orElseGet(() -> ConversationRenderer.absent(folder)),
                source.isPresent());
    }

    private static ConversationRenderer renderer(Path folder, String source, Tokenizer tokenizer) {
        ChatTemplate.SpecialTokens specials =
                new ChatTemplate.SpecialTokens(tokenizer.specialTokens().byName());
        try {
            ChatTemplate template = ChatTemplate.of(source, specials, Clock.system(ZoneId.systemDefault()));
            return (messages, tools, addGenerationPrompt) -> {
                try {
                    return template.render(messages, tools, addGenerationPrompt);
                } catch (TemplateException e) {
                    throw new UserError("the chat template refuses this conversation: " + e.getMessage(), e);
                }
            };
        } catch (TemplateException e) {
            throw new UserError(folder + ": the chat template cannot be read: " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
