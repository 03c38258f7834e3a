package io.github.dpo4j.text;

import io.github.dpo4j.UserError;
import java.util.OptionalInt;

/**
 * How long sequences may be, in tokens.
 *
 * @param maxLength of prompt and completion together; empty for no limit
 * @param maxPromptLength of the prompt, applied first; KEEP_START keeps its first ids, KEEP_END its last
 */
public record Truncation(TruncationMode mode, OptionalInt maxLength, OptionalInt maxPromptLength) {
    public static final Truncation NONE =
            new Truncation(TruncationMode.KEEP_START, OptionalInt.empty(), OptionalInt.empty());

    public Truncation {
        if (maxLength.isPresent() && maxLength.getAsInt() < 2) {
            throw new UserError("max_length is " + maxLength.getAsInt()
                    + " but must be at least 2 tokens, one to condition on" + " and one to score");
        }
        if (maxPromptLength.isPresent() && maxPromptLength.getAsInt() < 1) {
            throw new UserError("max_prompt_length is " + maxPromptLength.getAsInt() + " but must be at least 1 token");
        }
    }

    public static Truncation keepStart(int maxLength) {
        return new Truncation(TruncationMode.KEEP_START, OptionalInt.of(maxLength), OptionalInt.empty());
    }

    public static Truncation keepEnd(int maxLength) {
        return new Truncation(TruncationMode.KEEP_END, OptionalInt.of(maxLength), OptionalInt.empty());
    }
}
