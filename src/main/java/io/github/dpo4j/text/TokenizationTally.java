package io.github.dpo4j.text;

import io.github.dpo4j.data.Origin;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Counts while tokenizing; becomes a report. */
final class TokenizationTally {
    private static final int FIRST = 5;

    private long kept;
    private long cutAtBoundary;
    private long truncated;
    private final Map<DropReason, Long> dropped = new EnumMap<>(DropReason.class);
    private final List<Origin> firstCutAtBoundary = new ArrayList<>();
    private final List<Origin> firstDropped = new ArrayList<>();

    void keep(boolean wasTruncated) {
        kept++;
        truncated += wasTruncated ? 1 : 0;
    }

    void cutAtBoundary(Origin origin) {
        cutAtBoundary++;
        if (firstCutAtBoundary.size() < FIRST) {
            firstCutAtBoundary.add(origin);
        }
    }

    void drop(Origin origin, DropReason reason) {
        dropped.merge(reason, 1L, Long::sum);
        if (firstDropped.size() < FIRST) {
            firstDropped.add(origin);
        }
    }

    TokenizationReport report(long examples) {
        return new TokenizationReport(
                examples, kept, cutAtBoundary, truncated, dropped, firstCutAtBoundary, firstDropped);
    }
}
