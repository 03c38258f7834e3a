package io.github.dpo4j.text;

import io.github.dpo4j.data.PreferenceExample;
import io.github.dpo4j.data.RankedExample;
import java.util.List;

/** Preference pairs -> ids, as TRL's DPOTrainer makes them: a pair is a ranking of two, see {@link RankingTokenizer}. */
public record PairTokenizer(Tokenizer tokenizer, ConversationRenderer renderer, Truncation truncation) {
    /** Tokenizes on all cores; the result and the row that is reported where one is bad do not depend on how many there are. */
    public TokenizedPairs tokenize(List<PreferenceExample> examples) {
        TokenizedRankings rankings = new RankingTokenizer(tokenizer, renderer, truncation)
                .tokenize(examples.stream().map(RankedExample::of).toList());
        return new TokenizedPairs(
                rankings.rankings().stream().map(PairTokenizer::pair).toList(), rankings.report());
    }

    private static TokenizedPair pair(TokenizedRanking ranking) {
        return new TokenizedPair(
                ranking.origin(),
                ranking.promptIds(),
                ranking.completions().getFirst(),
                ranking.completions().getLast());
    }
}
