package io.github.dpo4j.recipe;

import io.github.dpo4j.data.DatasetReader;
import io.github.dpo4j.data.OnBadRow;
import io.github.dpo4j.data.PreferenceExample;
import io.github.dpo4j.data.Rows;
import io.github.dpo4j.model.DecoderSettings;
import io.github.dpo4j.text.ModelText;
import io.github.dpo4j.text.PairTokenizer;
import io.github.dpo4j.text.TokenizedPairs;
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

    /** Reads and tokenizes; {@code skippedRows} is the side file of rows that are left out, null for none. */
    public Pairs read(ModelText text, DecoderSettings model, List<String> datasets, @Nullable Path skippedRows) {
        DatasetReader reader =
                onBadRow == OnBadRow.SKIP ? DatasetReader.skipping(skippedRows) : DatasetReader.failing();
        Rows<PreferenceExample> rows = reader.preferences(datasets);
        Truncation truncation = new Truncation(truncationMode, maxLength.of(model), maxPromptLength);
        return new Pairs(
                rows, new PairTokenizer(text.tokenizer(), text.renderer(), truncation).tokenize(rows.examples()));
    }
}
