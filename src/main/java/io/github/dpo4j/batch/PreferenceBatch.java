package io.github.dpo4j.batch;

import io.github.dpo4j.text.TokenizedPair;
import java.util.ArrayList;
import java.util.List;

/**
 * A micro-batch of B pairs, packed. The 2B scored sequences of {@code tokens} are the B chosen completions, then the B
 * rejected ones, in the order of {@code pairs}.
 */
public record PreferenceBatch(List<TokenizedPair> pairs, PackedTokens tokens) {

    /** Packs each pair as prompt, chosen, rejected: the prompt is computed once, and neither completion sees the other. */
    public static PreferenceBatch of(List<TokenizedPair> pairs) {
        PackedTokens.Builder builder = new PackedTokens.Builder();
        int[] promptEnds = new int[pairs.size()];
        for (int i = 0; i < pairs.size(); i++) {
            TokenizedPair pair = pairs.get(i);
            int prompt = pair.promptIds().length;
            int start = builder.append(pair.promptIds(), 0);
            promptEnds[i] = start + prompt;
            builder.append(pair.chosenIds(), prompt);
            builder.segment(start, prompt + pair.chosenIds().length);
            int rejected = builder.append(pair.rejectedIds(), prompt);
            builder.segment(rejected, pair.rejectedIds().length, start, prompt);
            builder.countPrompt(2 * prompt);
        }
        for (int i = 0; i < pairs.size(); i++) {
            builder.score(promptEnds[i] - 1, promptEnds[i], pairs.get(i).chosenIds());
        }
        for (int i = 0; i < pairs.size(); i++) {
            TokenizedPair pair = pairs.get(i);
            builder.score(promptEnds[i] - 1, promptEnds[i] + pair.chosenIds().length, pair.rejectedIds());
        }
        return new PreferenceBatch(List.copyOf(pairs), builder.build());
    }

    /** Packs each pair as two whole sequences, the prompt computed twice: what {@link #of} must equal. */
    public static PreferenceBatch withoutSharing(List<TokenizedPair> pairs) {
        List<int[]> prompts = new ArrayList<>();
        List<int[]> completions = new ArrayList<>();
        pairs.forEach(pair -> prompts.add(pair.promptIds()));
        pairs.forEach(pair -> prompts.add(pair.promptIds()));
        pairs.forEach(pair -> completions.add(pair.chosenIds()));
        pairs.forEach(pair -> completions.add(pair.rejectedIds()));
        return new PreferenceBatch(List.copyOf(pairs), PackedTokens.ofSequences(prompts, completions));
    }

    public int size() {
        return pairs.size();
    }
}
