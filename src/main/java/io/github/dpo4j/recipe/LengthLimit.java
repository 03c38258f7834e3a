package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.model.DecoderSettings;
import java.util.OptionalInt;

/** How long a sequence may be, in tokens, before it is known what the model can take. */
public sealed interface LengthLimit {
    /** TRL's default of max_length. */
    int USUAL = 1024;

    /** 1024 tokens, or fewer where the model was made for fewer. */
    record Usual() implements LengthLimit {
        @Override
        public String toString() {
            return "default";
        }
    }

    record AtMost(int tokens) implements LengthLimit {
        public AtMost {
            if (tokens < 2) {
                throw new UserError("max_length is " + tokens + "; it must be at least 2 tokens");
            }
        }

        @Override
        public String toString() {
            return Integer.toString(tokens);
        }
    }

    record Unlimited() implements LengthLimit {
        @Override
        public String toString() {
            return "none";
        }
    }

    default OptionalInt of(DecoderSettings model) {
        return switch (this) {
            case Usual _ -> OptionalInt.of(Math.min(USUAL, model.maxPositions()));
            case AtMost limit -> OptionalInt.of(limit.tokens());
            case Unlimited _ -> OptionalInt.empty();
        };
    }
}
