package io.github.dpo4j.text;

import java.util.List;

/** The rankings to train on, in dataset order, and what became of the rest. */
public record TokenizedRankings(List<TokenizedRanking> rankings, TokenizationReport report) {
    public TokenizedRankings {
        rankings = List.copyOf(rankings);
    }
}
