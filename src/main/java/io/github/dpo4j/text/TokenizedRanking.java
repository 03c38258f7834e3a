package io.github.dpo4j.text;

import io.github.dpo4j.data.Origin;
import java.util.List;

/** A prompt (BOS included where the tokenizer adds it) with completions in order of preference, as ids. */
@SuppressWarnings("ArrayRecordComponent") // ids are large and read in bulk; nobody compares rankings
public record TokenizedRanking(Origin origin, int[] promptIds, List<int[]> completions) implements TokenizedPreference {
    public TokenizedRanking {
        completions = List.copyOf(completions);
        if (completions.size() < 2) {
            throw new IllegalArgumentException("a ranking has at least two completions");
        }
    }
}
