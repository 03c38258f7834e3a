package io.github.dpo4j.text;

import io.github.dpo4j.data.Origin;
import io.github.dpo4j.data.RankedExample;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Completions of one prompt -> ids, two of them as TRL's DPOTrainer makes those of a pair. Plain text: EOS is appended to
 * completions that lack it, and the prompt and the prompt with each completion are encoded with the tokenizer's special tokens.
 * Conversations: the prompt is rendered with a generation prompt, prompt and completion together without, and encoded as they
 * stand. A completion's ids are those after the prompt's; see {@link Boundary} for prompts whose ids do not start the whole.
 *
 * <p>KEEP_END differs from TRL, which cuts each sequence on its own: all completions keep one common prompt.
 */
public record RankingTokenizer(Tokenizer tokenizer, ConversationRenderer renderer, Truncation truncation) {
    /** The ids of one example before they are cut; {@code wholes} are of the prompt with each completion. */
    @SuppressWarnings("ArrayRecordComponent") // lives for one example and is never compared
    private record Encoded(Origin origin, int[] prompt, int[][] wholes) {}

    /** Tokenizes on all cores; the result and the row that is reported where one is bad do not depend on how many there are. */
    public TokenizedRankings tokenize(List<RankedExample> examples) {
        TokenizationTally tally = new TokenizationTally();
        List<TokenizedRanking> rankings = new ArrayList<>(examples.size());
        Batches.inOrder(examples, this::encode, batch -> {
            for (Encoded encoded : batch) {
                TokenizedRanking ranking = cut(encoded, tally);
                if (ranking != null) {
                    rankings.add(ranking);
                }
            }
        });
        return new TokenizedRankings(rankings, tally.report(examples.size()));
    }

    private List<Encoded> encode(List<RankedExample> examples) {
        Conversations conversations = new Conversations(renderer);
        List<String> plain = new ArrayList<>();
        List<String> chat = new ArrayList<>();
        for (RankedExample example : examples) {
            switch (example) {
                case RankedExample.Plain(var _, var prompt, var completions) -> {
                    plain.add(prompt);
                    completions.forEach(completion -> plain.add(prompt + withEos(completion)));
                }
                case RankedExample.Chat(var origin, var prompt, var completions, var tools) -> {
                    chat.add(conversations.prompt(origin, prompt, tools));
                    completions.forEach(completion -> chat.add(conversations.whole(origin, prompt, completion, tools)));
                }
            }
        }
        List<int[]> plainIds = tokenizer.encodeAll(plain);
        List<int[]> chatIds = tokenizer.encodeAllRaw(chat);
        List<Encoded> encoded = new ArrayList<>(examples.size());
        int nextPlain = 0;
        int nextChat = 0;
        for (RankedExample example : examples) {
            boolean isPlain = example instanceof RankedExample.Plain;
            int next = isPlain ? nextPlain : nextChat;
            int end = next + 1 + example.size();
            List<int[]> ids = (isPlain ? plainIds : chatIds).subList(next, end);
            nextPlain = isPlain ? end : nextPlain;
            nextChat = isPlain ? nextChat : end;
            encoded.add(new Encoded(
                    example.origin(), ids.getFirst(), ids.subList(1, ids.size()).toArray(int[][]::new)));
        }
        return encoded;
    }

    private String withEos(String completion) {
        String eos = tokenizer.requireEos();
        return completion.endsWith(eos) ? completion : completion + eos;
    }

    private @Nullable TokenizedRanking cut(Encoded encoded, TokenizationTally tally) {
        Origin origin = encoded.origin;
        Boundary boundary = Boundary.of(encoded.prompt, encoded.wholes);
        if (!boundary.clean()) {
            tally.cutAtBoundary(origin);
        }
        if (boundary.length() == 0) {
            tally.drop(origin, DropReason.NO_PROMPT_TOKEN);
            return null;
        }
        int longest = Arrays.stream(encoded.wholes)
                        .mapToInt(whole -> whole.length)
                        .max()
                        .orElse(0)
                - boundary.length();
        int[] prompt = shortened(Arrays.copyOf(encoded.prompt, boundary.length()), longest);
        if (truncation.maxLength().isPresent()
                && prompt.length >= truncation.maxLength().getAsInt()) {
            tally.drop(origin, DropReason.PROMPT_TOO_LONG);
            return null;
        }
        int room = truncation.maxLength().orElse(Integer.MAX_VALUE) - prompt.length;
        List<int[]> completions = new ArrayList<>();
        for (int[] whole : encoded.wholes) {
            int length = Math.min(whole.length - boundary.length(), room);
            completions.add(Arrays.copyOfRange(whole, boundary.length(), boundary.length() + length));
        }
        if (completions.stream().anyMatch(completion -> completion.length == 0)) {
            tally.drop(origin, DropReason.COMPLETION_EMPTY);
            return null;
        }
        if (anyEqual(completions)) {
            tally.drop(origin, DropReason.COMPLETIONS_IDENTICAL);
            return null;
        }
        tally.keep(prompt.length < boundary.length() || room < longest);
        return new TokenizedRanking(origin, prompt, completions);
    }

    private static boolean anyEqual(List<int[]> completions) {
        for (int i = 0; i < completions.size(); i++) {
            for (int j = 0; j < i; j++) {
                if (Arrays.equals(completions.get(i), completions.get(j))) {
                    return true;
                }
            }
        }
        return false;
    }

    /** The prompt within maxPromptLength, and under KEEP_END without the beginning for which there is no room. */
    private int[] shortened(int[] prompt, int longestCompletion) {
        int limit = truncation.maxPromptLength().orElse(Integer.MAX_VALUE);
        return switch (truncation.mode()) {
            case KEEP_START -> Arrays.copyOf(prompt, Math.min(prompt.length, limit));
            case KEEP_END -> {
                int room = truncation.maxLength().orElse(Integer.MAX_VALUE) - longestCompletion;
                int length = Math.min(prompt.length, Math.min(limit, Math.max(1, room)));
                yield Arrays.copyOfRange(prompt, prompt.length - length, prompt.length);
            }
        };
    }
}
