package io.github.dpo4j.text;

import java.util.List;

/** The pairs to train on, in dataset order, and what became of the rest. */
public record TokenizedPairs(List<TokenizedPair> pairs, TokenizationReport report) {
    public TokenizedPairs {
        pairs = List.copyOf(pairs);
    }
}
