package io.github.dpo4j.data;

import java.util.List;

/**
 * Everything that was read, in file order.
 *
 * @param skipped bad rows that were left out; always empty under {@link OnBadRow#FAIL}
 * @param divergedTranscripts HH rows whose two dialogues part before the last Assistant turn; they are kept
 * @param files the files in the order they were read
 */
public record Rows<T>(List<T> examples, List<BadRow> skipped, long divergedTranscripts, List<DatasetFile> files) {
    public Rows {
        examples = List.copyOf(examples);
        skipped = List.copyOf(skipped);
        files = List.copyOf(files);
    }

    /** One line for people: how many rows were read, how many were left out and why the first one was. */
    public String summary() {
        StringBuilder line = new StringBuilder()
                .append(examples.size())
                .append(examples.size() == 1 ? " row from " : " rows from ")
                .append(files.size())
                .append(files.size() == 1 ? " file" : " files");
        if (!skipped.isEmpty()) {
            line.append(", ")
                    .append(skipped.size())
                    .append(" skipped (first: ")
                    .append(skipped.getFirst())
                    .append(')');
        }
        if (divergedTranscripts > 0) {
            line.append(", ").append(divergedTranscripts).append(" transcripts that part before their last turn");
        }
        return line.toString();
    }
}
