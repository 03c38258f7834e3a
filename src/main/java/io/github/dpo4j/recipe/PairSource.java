package io.github.dpo4j.recipe;

import io.github.dpo4j.data.DatasetReader;
import io.github.dpo4j.data.OnBadRow;
import io.github.dpo4j.data.PreferenceExample;
import io.github.dpo4j.data.RankedExample;
import io.github.dpo4j.data.Rows;
import io.github.dpo4j.model.DecoderSettings;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PlackettLuce;
import io.github.dpo4j.objective.TrainedLoss;
import io.github.dpo4j.text.ModelText;
import io.github.dpo4j.text.PairTokenizer;
import io.github.dpo4j.text.RankingTokenizer;
import io.github.dpo4j.text.TokenizedPairs;
import io.github.dpo4j.text.TokenizedRankings;
import io.github.dpo4j.text.Truncation;
import io.github.dpo4j.text.TruncationMode;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** From dataset arguments to ids, as every command that reads preference pairs does it. */
public record PairSource(
        LengthLimit maxLength, OptionalInt maxPromptLength, TruncationMode truncationMode, OnBadRow onBadRow) {

    /** The rows as they were read and what tokenizing made of them. */
    public record Pairs(Rows<PreferenceExample> rows, TokenizedPairs tokenized) {}

    /** As {@link #read} for a run that trains on them: pairs for a mix of losses on pairs, else rankings. */
    Preferences preferences(
            TrainedLoss loss,
            ModelText text,
            DecoderSettings model,
            List<String> datasets,
            @Nullable Path skippedRows) {
        return switch (loss) {
            case LossMix _ -> {
                Pairs pairs = read(text, model, datasets, skippedRows);
                yield new Preferences(
                        pairs.rows().summary(),
                        pairs.rows().files(),
                        pairs.tokenized().report(),
                        pairs.tokenized().pairs());
            }
            case PlackettLuce _ -> {
                Rows<RankedExample> rows = reader(skippedRows).rankings(datasets);
                TokenizedRankings rankings = new RankingTokenizer(text.tokenizer(), text.renderer(), truncation(model))
                        .tokenize(rows.examples());
                yield new Preferences(rows.summary(), rows.files(), rankings.report(), rankings.rankings());
            }
        };
    }

    private DatasetReader reader(@Nullable Path skippedRows) {
        return onBadRow == OnBadRow.SKIP ? DatasetReader.skipping(skippedRows) : DatasetReader.failing();
    }

    private Truncation truncation(DecoderSettings model) {
        return new Truncation(truncationMode, maxLength.of(model), maxPromptLength);
    }

    /** Reads and tokenizes; {@code skippedRows} is the side file of rows that are left out, null for none. */
    public Pairs read(ModelText text, DecoderSettings model, List<String> datasets, @Nullable Path skippedRows) {
        Rows<PreferenceExample> rows = reader(skippedRows).preferences(datasets);
        return new Pairs(
                rows,
                new PairTokenizer(text.tokenizer(), text.renderer(), truncation(model)).tokenize(rows.examples()));
    }
}
