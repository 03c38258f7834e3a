package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.data.Origin;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.text.TokenizedCompletions;
import io.github.dpo4j.text.TokenizedPairs;
import io.github.dpo4j.text.TokenizedPreference;
import java.util.List;

/** Refuses ids that the model has no embedding for, and sequences that it has no positions for, before libtorch would. */
final class TokenBounds {
    private TokenBounds() {}

    static void check(TokenizedPairs pairs, ModelFolder model) {
        check(pairs.pairs(), model);
    }

    static void check(List<? extends TokenizedPreference> examples, ModelFolder model) {
        examples.forEach(example -> example.completions()
                .forEach(completion -> check(example.origin(), model, example.promptIds(), completion)));
    }

    static void check(TokenizedCompletions completions, ModelFolder model) {
        completions.completions().forEach(c -> check(c.origin(), model, c.promptIds(), c.completionIds()));
    }

    static void check(Origin origin, ModelFolder model, int[] prompt, int[] completion) {
        int vocabulary = model.settings().vocabularySize();
        for (int[] ids : new int[][] {prompt, completion}) {
            for (int id : ids) {
                if (id < 0 || id >= vocabulary) {
                    throw new UserError(origin + ": the tokenizer gives id " + id + ", but the model " + model.path()
                            + " has a vocabulary of " + vocabulary + "; tokenizer.json belongs to another model");
                }
            }
        }
        int length = prompt.length + completion.length;
        model.settings().positionLimit().ifPresent(limit -> {
            if (length > limit) {
                throw new UserError(origin + ": a sequence of " + length + " tokens, but the model " + model.path()
                        + " has positions for " + limit + "; set --max-length " + limit);
            }
        });
    }
}
