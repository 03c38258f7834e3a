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
        Optional<ChatTemplates> templates = ChatTemplates.in(folder);
        return new ModelText(
                tokenizer,
                templates
                        .map(named -> renderer(folder, named, tokenizer))
                        .orElseGet(() -> ConversationRenderer.absent(folder)),
                templates.isPresent());
    }

    private static ConversationRenderer renderer(Path folder, ChatTemplates templates, Tokenizer tokenizer) {
        ChatTemplate.SpecialTokens specials =
                new ChatTemplate.SpecialTokens(tokenizer.specialTokens().byName());
        Clock clock = Clock.system(ZoneId.systemDefault());
        try {
            ChatTemplate template = ChatTemplate.of(templates.usual(), specials, clock);
            ChatTemplate forTools = ChatTemplate.of(templates.forTools(), specials, clock);
            return (messages, tools, addGenerationPrompt) ->
                    (tools == null ? template : forTools).render(messages, tools, addGenerationPrompt);
        } catch (TemplateException e) {
            throw new UserError(folder + ": the chat template cannot be read: " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
