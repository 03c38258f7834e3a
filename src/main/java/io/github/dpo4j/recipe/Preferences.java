package io.github.dpo4j.recipe;

import io.github.dpo4j.data.DatasetFile;
import io.github.dpo4j.text.TokenizationReport;
import io.github.dpo4j.text.TokenizedPreference;
import io.github.dpo4j.text.TokenizedRanking;
import java.util.List;
import java.util.stream.Stream;

/**
 * The pairs or rankings of a dataset as ids.
 *
 * @param read what reading gave, in a line
 */
record Preferences(
        String read, List<DatasetFile> files, TokenizationReport report, List<? extends TokenizedPreference> examples) {
    Preferences {
        examples = List.copyOf(examples);
    }

    /** Returns the examples, which are all pairs or all rankings. */
    <T extends TokenizedPreference> List<T> ofType(Class<T> type) {
        return examples.stream().map(type::cast).toList();
    }

    /** Returns all ids in order, such that other prompts, completions or rankings never give the same. */
    List<int[]> ids() {
        return examples.stream()
                .flatMap(example -> Stream.of(
                                example instanceof TokenizedRanking
                                        ? Stream.of(
                                                new int[] {example.completions().size()})
                                        : Stream.<int[]>empty(),
                                Stream.of(example.promptIds()),
                                example.completions().stream())
                        .flatMap(ids -> ids))
                .toList();
    }
}
