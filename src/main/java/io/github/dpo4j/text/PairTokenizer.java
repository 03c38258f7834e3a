package io.github.dpo4j.text;

import io.github.dpo4j.data.Origin;
import io.github.dpo4j.data.PreferenceExample;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Preference examples -> ids, as TRL's DPOTrainer makes them. Plain text: EOS is appended to completions that lack it, and
 * prompt, prompt + chosen and prompt + rejected are encoded with the tokenizer's special tokens. Conversations: the prompt is
 * rendered with a generation prompt, prompt and completion together without, and encoded as they stand. A completion's ids
 * are those after the prompt's; see {@link Boundary} for prompts whose ids do not start the whole.
 *
 * <p>KEEP_END differs from TRL, which cuts each sequence on its own: both completions keep one common prompt.
 */
public record PairTokenizer(Tokenizer tokenizer, ConversationRenderer renderer, Truncation truncation) {
    /** The ids of one example before they are cut. */
    @SuppressWarnings("ArrayRecordComponent") // lives for one example and is never compared
    private record Encoded(Origin origin, int[] prompt, int[] withChosen, int[] withRejected) {}

    /** Tokenizes on all cores; the result and the row that is reported where one is bad do not depend on how many there are. */
    public TokenizedPairs tokenize(List<PreferenceExample> examples) {
        TokenizationTally tally = new TokenizationTally();
        List<TokenizedPair> pairs = new ArrayList<>(examples.size());
        Batches.inOrder(examples, this::encode, batch -> {
            for (Encoded encoded : batch) {
                TokenizedPair pair = cut(encoded, tally);
                if (pair != null) {
                    pairs.add(pair);
                }
            }
        });
        return new TokenizedPairs(pairs, tally.report(examples.size()));
    }

    private List<Encoded> encode(List<PreferenceExample> examples) {
        Conversations conversations = new Conversations(renderer);
        List<String> plain = new ArrayList<>();
        List<String> chat = new ArrayList<>();
        for (PreferenceExample example : examples) {
            switch (example) {
                case PreferenceExample.Plain(var _, var prompt, var chosen, var rejected) -> {
                    plain.add(prompt);
                    plain.add(prompt + withEos(chosen));
                    plain.add(prompt + withEos(rejected));
                }
                case PreferenceExample.Chat(var origin, var prompt, var chosen, var rejected, var tools) -> {
                    chat.add(conversations.prompt(origin, prompt, tools));
                    chat.add(conversations.whole(origin, prompt, chosen, tools));
                    chat.add(conversations.whole(origin, prompt, rejected, tools));
                }
            }
        }
        List<int[]> plainIds = tokenizer.encodeAll(plain);
        List<int[]> chatIds = tokenizer.encodeAllRaw(chat);
        List<Encoded> encoded = new ArrayList<>(examples.size());
        int nextPlain = 0;
        int nextChat = 0;
        for (PreferenceExample example : examples) {
            boolean isPlain = example instanceof PreferenceExample.Plain;
            List<int[]> ids =
                    isPlain ? plainIds.subList(nextPlain, nextPlain + 3) : chatIds.subList(nextChat, nextChat + 3);
            nextPlain += isPlain ? 3 : 0;
            nextChat += isPlain ? 0 : 3;
            encoded.add(new Encoded(example.origin(), ids.get(0), ids.get(1), ids.get(2)));
        }
        return encoded;
    }

    private String withEos(String completion) {
        String eos = tokenizer.requireEos();
        return completion.endsWith(eos) ? completion : completion + eos;
    }

    private @Nullable TokenizedPair cut(Encoded encoded, TokenizationTally tally) {
        Origin origin = encoded.origin;
        Boundary boundary = Boundary.of(encoded.prompt, encoded.withChosen, encoded.withRejected);
        if (!boundary.clean()) {
            tally.cutAtBoundary(origin);
        }
        if (boundary.length() == 0) {
            tally.drop(origin, DropReason.NO_PROMPT_TOKEN);
            return null;
        }
        int[] prompt = Arrays.copyOf(encoded.prompt, boundary.length());
        int[] chosen = Arrays.copyOfRange(encoded.withChosen, boundary.length(), encoded.withChosen.length);
        int[] rejected = Arrays.copyOfRange(encoded.withRejected, boundary.length(), encoded.withRejected.length);

        int[] shortPrompt = shortened(prompt, Math.max(chosen.length, rejected.length));
        if (truncation.maxLength().isPresent()
                && shortPrompt.length >= truncation.maxLength().getAsInt()) {
            tally.drop(origin, DropReason.PROMPT_TOO_LONG);
            return null;
        }
        int room = truncation.maxLength().orElse(Integer.MAX_VALUE) - shortPrompt.length;
        int[] shortChosen = Arrays.copyOf(chosen, Math.min(chosen.length, room));
        int[] shortRejected = Arrays.copyOf(rejected, Math.min(rejected.length, room));
        if (shortChosen.length == 0 || shortRejected.length == 0) {
            tally.drop(origin, DropReason.COMPLETION_EMPTY);
            return null;
        }
        if (Arrays.equals(shortChosen, shortRejected)) {
            tally.drop(origin, DropReason.COMPLETIONS_IDENTICAL);
            return null;
        }
        tally.keep(shortPrompt.length < prompt.length
                || shortChosen.length < chosen.length
                || shortRejected.length < rejected.length);
        return new TokenizedPair(origin, shortPrompt, shortChosen, shortRejected);
    }

    /** The prompt within maxPromptLength, and under KEEP_END without the beginning for which there is no room. */
    private int[] shortened(int[] prompt, int longerCompletion) {
        int limit = truncation.maxPromptLength().orElse(Integer.MAX_VALUE);
        return switch (truncation.mode()) {
            case KEEP_START -> Arrays.copyOf(prompt, Math.min(prompt.length, limit));
            case KEEP_END -> {
                int room = truncation.maxLength().orElse(Integer.MAX_VALUE) - longerCompletion;
                int length = Math.min(prompt.length, Math.min(limit, Math.max(1, room)));
                yield Arrays.copyOfRange(prompt, prompt.length - length, prompt.length);
            }
        };
    }
}
