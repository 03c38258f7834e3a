package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.evaluate.Lexicon;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Makes preference pairs of scored completions: of each prompt the best against the worst, where they are clearly apart.
 *
 * @param minGap least difference of the two scores
 * @param wholeSentences cut completions after their last whole sentence, and leave out those without one
 */
public record PairBuilder(Lexicon lexicon, double minGap, boolean wholeSentences) {
    private static final Pattern SENTENCES = Pattern.compile("^.*[.!?][\"']?(?=\\s|$)", Pattern.DOTALL);

    public PairBuilder {
        if (!(minGap >= 0)) {
            throw new UserError("min_gap is " + minGap + "; it must be 0 or above");
        }
    }

    /** A pair and the scores behind it. */
    public record ScoredPair(
            SampledCompletion chosen,
            String chosenText,
            double chosenScore,
            String rejectedText,
            double rejectedScore) {}

    private record Scored(SampledCompletion completion, String text, double score) {}

    /** Returns the pairs of completions that lie prompt by prompt, in order; prompts without a clear pair give none. */
    public List<ScoredPair> pairs(List<SampledCompletion> completions) {
        List<ScoredPair> pairs = new ArrayList<>();
        int start = 0;
        while (start < completions.size()) {
            int end = start;
            while (end < completions.size()
                    && completions.get(end).sample().prompt()
                            == completions.get(start).sample().prompt()) {
                end++;
            }
            addPair(completions.subList(start, end), pairs);
            start = end;
        }
        return pairs;
    }

    private void addPair(List<SampledCompletion> completions, List<ScoredPair> pairs) {
        Scored best = null;
        Scored worst = null;
        for (SampledCompletion completion : completions) {
            String text = text(completion);
            if (text.isBlank()) {
                continue;
            }
            Scored scored = new Scored(completion, text, lexicon.score(text));
            best = best == null || scored.score() > best.score() ? scored : best;
            worst = worst == null || scored.score() < worst.score() ? scored : worst;
        }
        if (best != null && worst != null && best.score() > worst.score() && best.score() - worst.score() >= minGap) {
            pairs.add(new ScoredPair(best.completion(), best.text(), best.score(), worst.text(), worst.score()));
        }
    }

    private String text(SampledCompletion completion) {
        String text = completion.sample().text();
        if (!wholeSentences) {
            return text;
        }
        Matcher matcher = SENTENCES.matcher(text);
        return matcher.find() ? matcher.group() : "";
    }
}
