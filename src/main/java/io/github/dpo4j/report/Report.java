package io.github.dpo4j.report;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What report.html shows, from top to bottom. All text is plain text: it may come from a model and is escaped.
 *
 * @param subtitle a sentence under the title; may be empty
 * @param tiles the few numbers that tell how the run went, the most important first
 * @param notes what a reader must know before trusting the numbers; may be empty
 * @param sections charts by stage, such as one for SFT and one for DPO
 * @param samples completions before and after training, or null
 * @param run settings and provenance
 */
public record Report(
        String title,
        String subtitle,
        List<Tile> tiles,
        List<String> notes,
        List<Section> sections,
        @Nullable Samples samples,
        RunManifest run) {
    public Report {
        tiles = List.copyOf(tiles);
        notes = List.copyOf(notes);
        sections = List.copyOf(sections);
    }

    /** A key number: what it is, the number with its unit, and a few words on how to take it (may be empty). */
    public record Tile(String label, String value, String note) {}

    /** Charts that belong together. */
    public record Section(String title, String explanation, List<Chart> charts) {
        public Section {
            charts = List.copyOf(charts);
        }
    }

    /**
     * Completions of the same prompts side by side.
     *
     * @param before who wrote the left ones, such as {@code SFT model}
     * @param after who wrote the right ones
     * @param scoreName what the scores are, such as {@code reward}; higher is better
     */
    public record Samples(String explanation, String before, String after, String scoreName, List<Sample> list) {
        public Samples {
            list = List.copyOf(list);
        }
    }

    /** A prompt and two completions with their scores; a score of NaN is not shown. */
    public record Sample(String prompt, String before, String after, double scoreBefore, double scoreAfter) {
        public Sample(String prompt, String before, String after) {
            this(prompt, before, after, Double.NaN, Double.NaN);
        }
    }
}
