package io.github.dpo4j.text;

import java.util.List;

/** The sequences to train on, in dataset order, and what became of the rest. */
public record TokenizedCompletions(List<TokenizedCompletion> completions, TokenizationReport report) {
    public TokenizedCompletions {
        completions = List.copyOf(completions);
    }
}
