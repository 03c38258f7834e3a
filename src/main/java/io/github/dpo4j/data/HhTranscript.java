package io.github.dpo4j.data;

/**
 * Two dialogues of Anthropic's HH-RLHF dataset, cut where the assistant's last common turn begins. The dataset stores whole
 * transcripts; the DPO authors cut at the last {@code \n\nAssistant:} of the chosen one, which is the same place except in
 * the few rows whose dialogues part earlier.
 */
record HhTranscript(String prompt, String chosen, String rejected) {
    private static final String HUMAN = "\n\nHuman:";
    private static final String ASSISTANT = "\n\nAssistant:";

    static boolean looksLike(String chosen, String rejected) {
        return chosen.startsWith(HUMAN)
                && rejected.startsWith(HUMAN)
                && chosen.contains(ASSISTANT)
                && rejected.contains(ASSISTANT);
    }

    static HhTranscript cut(String chosen, String rejected) throws BadRowException {
        int common = 0;
        int shorter = Math.min(chosen.length(), rejected.length());
        while (common < shorter && chosen.charAt(common) == rejected.charAt(common)) {
            common++;
        }
        int turn = chosen.substring(0, common).lastIndexOf(ASSISTANT);
        if (turn < 0) {
            throw new BadRowException(
                    "the two transcripts part before their first Assistant turn, so they share no prompt");
        }
        int end = turn + ASSISTANT.length();
        return new HhTranscript(chosen.substring(0, end), chosen.substring(end), rejected.substring(end));
    }

    /** Whether a transcript goes on with more turns after the common prompt, so that a completion holds more than one. */
    boolean diverged() {
        return chosen.contains(ASSISTANT) || rejected.contains(ASSISTANT);
    }
}
