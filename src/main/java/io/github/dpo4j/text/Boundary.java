package io.github.dpo4j.text;

/**
 * Where a prompt ends within the ids of prompt and completion. Encoding both together may merge tokens across the seam, and a
 * template may render a prompt otherwise once an answer follows; joining the prompt's own ids to the rest would then train
 * on a sequence that no text has. So the prompt is what all id lists truly share.
 *
 * @param length the prompt's number of ids
 * @param clean whether the ids of the prompt alone start every list, so that nothing had to be cut
 */
record Boundary(int length, boolean clean) {
    static Boundary of(int[] prompt, int[]... wholes) {
        int length = prompt.length;
        for (int[] whole : wholes) {
            int end = Math.min(length, whole.length);
            length = 0;
            while (length < end && prompt[length] == whole[length]) {
                length++;
            }
        }
        return new Boundary(length, length == prompt.length);
    }
}
