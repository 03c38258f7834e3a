package io.github.dpo4j.evaluate;

import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Scores texts by the valences of their words. The score is VADER's normalisation (Hutto and Gilbert 2014) of their sum s,
 * s / sqrt(s^2 + 15), in (-1, 1); VADER's rules for negation, emphasis and capitals are left out.
 */
public final class Lexicon {
    private static final double NORMALISATION = 15;
    private static final Pattern SPACES = Pattern.compile("\\s+");

    private final Map<String, Double> valences;

    private Lexicon(Map<String, Double> valences) {
        this.valences = Map.copyOf(valences);
    }

    /** Reads a file of lines "word TAB valence"; throws {@link UserError} naming the line that is not one. */
    public static Lexicon read(Path file) {
        List<String> lines;
        try {
            lines = Files.readAllLines(file, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UserError("cannot read the lexicon " + file + ": " + e.getMessage(), e);
        }
        Map<String, Double> valences = new HashMap<>();
        for (int i = 0; i < lines.size(); i++) {
            int tab = lines.get(i).indexOf('\t');
            if (tab < 1) {
                throw new UserError(file + ":" + (i + 1) + ": a line of a lexicon is a word, a tab and a number");
            }
            try {
                valences.put(
                        lines.get(i).substring(0, tab).toLowerCase(Locale.ROOT),
                        Double.parseDouble(lines.get(i).substring(tab + 1).strip()));
            } catch (NumberFormatException e) {
                throw new UserError(file + ":" + (i + 1) + ": the valence is not a number", e);
            }
        }
        return new Lexicon(valences);
    }

    /** Returns the score of a text in (-1, 1); 0 where no word is in the lexicon. */
    public double score(String text) {
        double sum = 0;
        for (String word : SPACES.split(text.toLowerCase(Locale.ROOT), -1)) {
            Double valence = valences.get(word);
            sum += valence == null ? valences.getOrDefault(bare(word), 0.0) : valence;
        }
        return sum / Math.sqrt(sum * sum + NORMALISATION);
    }

    /** A word without the punctuation around it; emoticons are looked up before this. */
    private static String bare(String word) {
        int start = 0;
        int end = word.length();
        while (start < end && !Character.isLetterOrDigit(word.charAt(start))) {
            start++;
        }
        while (end > start && !Character.isLetterOrDigit(word.charAt(end - 1))) {
            end--;
        }
        return word.substring(start, end);
    }
}
