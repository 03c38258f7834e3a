package io.github.dpo4j.text;

import io.github.dpo4j.data.SftExample;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * SFT examples -> ids, as TRL's SFTTrainer makes them. EOS is appended to text and to plain completions that lack it. With a
 * prompt only the completion is scored; running text and whole conversations are scored after their first id, which has
 * nothing before it to be predicted from. Sequences keep their first maxLength ids (KEEP_START) or their last (KEEP_END); one
 * with nothing scored is dropped.
 *
 * @param maxLength of prompt and completion together, in tokens; empty for no limit
 */
public record SftTokenizer(
        Tokenizer tokenizer, ConversationRenderer renderer, OptionalInt maxLength, TruncationMode mode) {
    /** Sequences keep their start. */
    public SftTokenizer(Tokenizer tokenizer, ConversationRenderer renderer, OptionalInt maxLength) {
        this(tokenizer, renderer, maxLength, TruncationMode.KEEP_START);
    }

    /** An example as text; prompt is null where all of the whole is scored. */
    private record Rendered(SftExample example, @Nullable String prompt, String whole, boolean plain) {}

    /** The ids of one example before they are cut. */
    @SuppressWarnings("ArrayRecordComponent") // lives for one example and is never compared
    private record Encoded(SftExample example, int @Nullable [] prompt, int[] whole) {}

    public SftTokenizer {
        maxLength.ifPresent(Truncation::keepStart); // refuses lengths that leave nothing to score
    }

    /** Tokenizes on all cores; the result and the row that is reported where one is bad do not depend on how many there are. */
    public TokenizedCompletions tokenize(List<SftExample> examples) {
        TokenizationTally tally = new TokenizationTally();
        List<TokenizedCompletion> completions = new ArrayList<>(examples.size());
        Batches.inOrder(examples, this::encode, batch -> {
            for (Encoded encoded : batch) {
                TokenizedCompletion completion = cut(encoded.example, encoded.prompt, encoded.whole, tally);
                if (completion != null) {
                    completions.add(completion);
                }
            }
        });
        return new TokenizedCompletions(completions, tally.report(examples.size()));
    }

    private List<Encoded> encode(List<SftExample> examples) {
        List<Rendered> batch = examples.stream().map(this::rendered).toList();
        List<int[]> plainIds = tokenizer.encodeAll(texts(batch, true));
        List<int[]> chatIds = tokenizer.encodeAllRaw(texts(batch, false));
        List<Encoded> encoded = new ArrayList<>(batch.size());
        int nextPlain = 0;
        int nextChat = 0;
        for (Rendered rendered : batch) {
            int[] whole = rendered.plain ? plainIds.get(nextPlain++) : chatIds.get(nextChat++);
            int[] prompt = null;
            if (rendered.prompt != null) {
                prompt = rendered.plain ? plainIds.get(nextPlain++) : chatIds.get(nextChat++);
            }
            encoded.add(new Encoded(rendered.example, prompt, whole));
        }
        return encoded;
    }

    private Rendered rendered(SftExample example) {
        Conversations conversations = new Conversations(renderer);
        return switch (example) {
            case SftExample.Text(var _, var text) -> new Rendered(example, null, withEos(text), true);
            case SftExample.Completion(var _, var prompt, var completion) ->
                new Rendered(example, prompt, prompt + withEos(completion), true);
            case SftExample.Chat(var origin, var messages, var tools) ->
                new Rendered(example, null, conversations.whole(origin, messages, tools), false);
            case SftExample.ChatCompletion(var origin, var prompt, var completion, var tools) ->
                new Rendered(
                        example,
                        conversations.prompt(origin, prompt, tools),
                        conversations.whole(origin, prompt, completion, tools),
                        false);
        };
    }

    private String withEos(String text) {
        String eos = tokenizer.requireEos();
        return text.endsWith(eos) ? text : text + eos;
    }

    /** Of each example of one kind the whole, then the prompt where there is one. */
    private static List<String> texts(List<Rendered> batch, boolean plain) {
        List<String> texts = new ArrayList<>();
        for (Rendered rendered : batch) {
            if (rendered.plain == plain) {
                texts.add(rendered.whole);
                if (rendered.prompt != null) {
                    texts.add(rendered.prompt);
                }
            }
        }
        return texts;
    }

    private @Nullable TokenizedCompletion cut(
            SftExample example, int @Nullable [] prompt, int[] whole, TokenizationTally tally) {
        int promptLength = Math.min(1, whole.length);
        if (prompt != null) {
            Boundary boundary = Boundary.of(prompt, whole);
            promptLength = boundary.length();
            if (!boundary.clean()) {
                tally.cutAtBoundary(example.origin());
            }
        }
        if (promptLength == 0) {
            tally.drop(example.origin(), DropReason.NO_PROMPT_TOKEN);
            return null;
        }
        int length = Math.min(whole.length, maxLength.orElse(Integer.MAX_VALUE));
        if (mode == TruncationMode.KEEP_END && length < whole.length) {
            // The first id that is left can only be conditioned on.
            int lost = whole.length - length;
            int kept = Math.max(lost + 1, promptLength);
            tally.keep(true);
            return new TokenizedCompletion(
                    example.origin(),
                    Arrays.copyOfRange(whole, lost, kept),
                    Arrays.copyOfRange(whole, kept, whole.length));
        }
        if (length <= promptLength) {
            tally.drop(
                    example.origin(),
                    whole.length > promptLength ? DropReason.PROMPT_TOO_LONG : DropReason.COMPLETION_EMPTY);
            return null;
        }
        tally.keep(length < whole.length);
        return new TokenizedCompletion(
                example.origin(), Arrays.copyOf(whole, promptLength), Arrays.copyOfRange(whole, promptLength, length));
    }
}
