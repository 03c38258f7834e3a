package io.github.dpo4j.text;

import io.github.dpo4j.data.PromptExample;
import java.util.Arrays;

/** What generation continues -> ids: plain text with the tokenizer's special tokens, conversations with a generation prompt. */
public record PromptTokenizer(Tokenizer tokenizer, ConversationRenderer renderer) {
    public int[] encode(PromptExample example) {
        return switch (example) {
            case PromptExample.Plain(var _, var prompt) -> withoutAddedEos(prompt);
            case PromptExample.Chat(var origin, var messages, var tools) ->
                tokenizer.encodeRaw(new Conversations(renderer).prompt(origin, messages, tools));
        };
    }

    /** Some tokenizers close every text with EOS; a model has nothing to add after it, and training drops it from prompts too. */
    private int[] withoutAddedEos(String prompt) {
        int[] ids = tokenizer.encode(prompt);
        int eos = tokenizer.eosId().orElse(-1);
        if (ids.length == 0 || ids[ids.length - 1] != eos) {
            return ids;
        }
        int[] raw = tokenizer.encodeRaw(prompt);
        boolean written = raw.length > 0 && raw[raw.length - 1] == eos;
        return written ? ids : Arrays.copyOf(ids, ids.length - 1);
    }
}
