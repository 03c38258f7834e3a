package io.github.dpo4j.text;

import io.github.dpo4j.data.Origin;
import java.util.List;

/** A prompt and its completions as ids, the best one first. */
public sealed interface TokenizedPreference permits TokenizedPair, TokenizedRanking {
    Origin origin();

    int[] promptIds();

    /** Returns at least two completions. */
    List<int[]> completions();

    /** Returns the packed tokens: the prompt's once, and those of all completions. */
    default long tokens() {
        return promptIds().length
                + completions().stream().mapToLong(ids -> ids.length).sum();
    }
}
