package io.github.dpo4j.text;

import io.github.dpo4j.data.Origin;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What tokenizing did to a dataset.
 *
 * @param examples examples that went in
 * @param kept those that came out
 * @param cutAtBoundary those (kept or dropped) whose prompt's ids alone do not start the ids of the whole, so that prompt and
 *     completion part at the last common id instead
 * @param truncated those that lost ids to a length limit and were kept
 * @param dropped those left out, by reason; reasons that did not occur are absent
 * @param firstCutAtBoundary the first few of them
 * @param firstDropped the first few of them
 */
public record TokenizationReport(
        long examples,
        long kept,
        long cutAtBoundary,
        long truncated,
        Map<DropReason, Long> dropped,
        List<Origin> firstCutAtBoundary,
        List<Origin> firstDropped) {
    public TokenizationReport {
        dropped = Map.copyOf(dropped);
        firstCutAtBoundary = List.copyOf(firstCutAtBoundary);
        firstDropped = List.copyOf(firstDropped);
    }

    /** One line for people; parts that are zero are left away. */
    public String summary() {
        StringBuilder line =
                new StringBuilder().append(kept).append(" of ").append(examples).append(" examples");
        if (truncated > 0) {
            line.append(", ").append(truncated).append(" truncated");
        }
        if (cutAtBoundary > 0) {
            line.append(", ")
                    .append(cutAtBoundary)
                    .append(" with tokens merged across prompt and completion (first: ")
                    .append(firstCutAtBoundary.getFirst())
                    .append(')');
        }
        if (!dropped.isEmpty()) {
            line.append(dropped.entrySet().stream()
                            .sorted(Map.Entry.comparingByKey())
                            .map(entry -> entry.getValue() + " " + entry.getKey())
                            .collect(Collectors.joining(", ", ", dropped: ", "")))
                    .append(" (first: ")
                    .append(firstDropped.getFirst())
                    .append(')');
        }
        return line.toString();
    }
}
