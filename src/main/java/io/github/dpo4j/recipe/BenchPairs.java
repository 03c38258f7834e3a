package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.data.Origin;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.text.ModelText;
import io.github.dpo4j.text.TokenizedPair;
import io.github.dpo4j.text.TokenizedPairs;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** The pairs of a benchmark's steps. */
record BenchPairs(BenchSettings settings, ModelFolder model, RunObserver observer) {
    /** Returns at least one pair; throws {@link UserError} for pairs that the model cannot take. */
    List<TokenizedPair> read() {
        return switch (settings.pairs()) {
            case BenchSettings.Pairs.Of data -> read(data);
            case BenchSettings.Pairs.MadeUp lengths -> make(lengths);
        };
    }

    private List<TokenizedPair> read(BenchSettings.Pairs.Of data) {
        try (ModelText text = ModelText.of(settings.model())) {
            PairSource.Pairs read = data.source().read(text, model.settings(), data.datasets(), Path.of("skipped"));
            TokenizedPairs tokenized = read.tokenized();
            observer.note(read.rows().summary());
            observer.note(tokenized.report().summary());
            if (tokenized.pairs().isEmpty()) {
                throw new UserError("no pair is left to measure with ("
                        + tokenized.report().summary() + "); raise --max-length or look at the data");
            }
            TokenBounds.check(tokenized, model);
            return tokenized.pairs();
        }
    }

    private List<TokenizedPair> make(BenchSettings.Pairs.MadeUp lengths) {
        int positions = model.settings().maxPositions();
        if (lengths.sequenceTokens() > positions) {
            throw new UserError("made-up sequences of " + lengths.sequenceTokens() + " tokens, but the model "
                    + settings.model() + " was made for " + positions + "; lower --prompt-tokens");
        }
        SplittableRandom random = new SplittableRandom(settings.seed());
        List<TokenizedPair> pairs = new ArrayList<>();
        for (int i = 0; i < settings.pairsPerStep(); i++) {
            pairs.add(new TokenizedPair(
                    new Origin(Path.of("made-up"), i + 1L),
                    ids(random, lengths.promptTokens()),
                    ids(random, lengths.chosenTokens()),
                    ids(random, lengths.rejectedTokens())));
        }
        return pairs;
    }

    private int[] ids(SplittableRandom random, int count) {
        return random.ints(count, 0, model.settings().vocabularySize()).toArray();
    }
}
