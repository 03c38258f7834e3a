package io.github.dpo4j.text;

import io.github.dpo4j.data.Origin;
import java.util.List;

/** One preference pair as ids: the prompt's (BOS included where the tokenizer adds it) and those of each completion after it. */
@SuppressWarnings("ArrayRecordComponent") // ids are large and read in bulk; nobody compares pairs
public record TokenizedPair(Origin origin, int[] promptIds, int[] chosenIds, int[] rejectedIds)
        implements TokenizedPreference {
    @Override
    public List<int[]> completions() {
        return List.of(chosenIds, rejectedIds);
    }
}
