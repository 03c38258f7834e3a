package io.github.dpo4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A prompt with two or more completions in order of preference, the best one first. */
public sealed interface RankedExample {
    Origin origin();

    /** Returns the number of completions. */
    int size();

    /** Plain text: the completions continue the prompt's last character directly. */
    record Plain(Origin origin, String prompt, List<String> completions) implements RankedExample {
        public Plain {
            completions = List.copyOf(completions);
        }

        @Override
        public int size() {
            return completions.size();
        }
    }

    /** Conversations, to be rendered by the model's chat template; tools is a JSON array or null. */
    record Chat(
            Origin origin,
            List<Message> prompt,
            List<List<Message>> completions,
            @Nullable JsonNode tools) implements RankedExample {
        public Chat {
            completions = List.copyOf(completions);
        }

        @Override
        public int size() {
            return completions.size();
        }
    }

    /** A pair is a ranking of two. */
    static RankedExample of(PreferenceExample pair) {
        return switch (pair) {
            case PreferenceExample.Plain(var origin, var prompt, var chosen, var rejected) ->
                new Plain(origin, prompt, List.of(chosen, rejected));
            case PreferenceExample.Chat(var origin, var prompt, var chosen, var rejected, var tools) ->
                new Chat(origin, prompt, List.of(chosen, rejected), tools);
        };
    }
}
