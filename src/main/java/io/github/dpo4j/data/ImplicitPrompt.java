package io.github.dpo4j.data;

import java.util.List;

/**
 * Where the prompt of a row without a prompt column ends, as TRL's extract_prompt finds it: at the first difference; where
 * one side only continues the other, before the last common item, so that neither completion is empty.
 */
final class ImplicitPrompt {
    private ImplicitPrompt() {}

    /** The number of UTF-16 units of the prompt; a space before the first difference belongs to the completions. */
    static int end(String chosen, String rejected) {
        int end = 0;
        int last = 0;
        int shorter = Math.min(chosen.length(), rejected.length());
        while (end < shorter) {
            int character = chosen.codePointAt(end);
            if (character != rejected.codePointAt(end)) {
                return end > 0 && chosen.charAt(end - 1) == ' ' ? end - 1 : end;
            }
            last = end;
            end += Character.charCount(character);
        }
        return last;
    }

    /** The number of leading messages of the prompt. */
    static int end(List<Message> chosen, List<Message> rejected) {
        int shorter = Math.min(chosen.size(), rejected.size());
        int end = 0;
        while (end < shorter && chosen.get(end).equals(rejected.get(end))) {
            end++;
        }
        return end == shorter ? shorter - 1 : end;
    }
}
