package io.github.dpo4j.batch;

import io.github.dpo4j.text.TokenizedPreference;
import java.util.ArrayList;
import java.util.List;

/**
 * A micro-batch of B examples, packed. The scored sequences of {@code tokens} are the B best completions in the order of
 * {@code examples}, then those ranked next, and so on: of pairs, the chosen completions, then the rejected ones.
 */
public record PreferenceBatch(List<TokenizedPreference> examples, PackedTokens tokens) {

    /** Packs each example as prompt and completions: the prompt is computed once, and no completion sees another. */
    public static PreferenceBatch of(List<? extends TokenizedPreference> examples) {
        PackedTokens.Builder builder = new PackedTokens.Builder();
        int[] promptEnds = new int[examples.size()];
        int[][] starts = new int[examples.size()][];
        for (int i = 0; i < examples.size(); i++) {
            TokenizedPreference example = examples.get(i);
            List<int[]> completions = example.completions();
            int prompt = example.promptIds().length;
            int start = builder.append(example.promptIds(), 0);
            promptEnds[i] = start + prompt;
            starts[i] = new int[completions.size()];
            for (int rank = 0; rank < completions.size(); rank++) {
                int[] ids = completions.get(rank);
                starts[i][rank] = builder.append(ids, prompt);
                if (rank == 0) {
                    builder.segment(start, prompt + ids.length);
                } else {
                    builder.segment(starts[i][rank], ids.length, start, prompt);
                }
                builder.countPrompt(prompt);
            }
        }
        inOrder(
                examples,
                (example, rank) -> builder.score(
                        promptEnds[example] - 1,
                        starts[example][rank],
                        examples.get(example).completions().get(rank)));
        return new PreferenceBatch(List.copyOf(examples), builder.build());
    }

    /** Packs each completion with its prompt as a whole sequence, the prompt computed each time: what {@link #of} must equal. */
    public static PreferenceBatch withoutSharing(List<? extends TokenizedPreference> examples) {
        List<int[]> prompts = new ArrayList<>();
        List<int[]> completions = new ArrayList<>();
        inOrder(examples, (example, rank) -> {
            prompts.add(examples.get(example).promptIds());
            completions.add(examples.get(example).completions().get(rank));
        });
        return new PreferenceBatch(List.copyOf(examples), PackedTokens.ofSequences(prompts, completions));
    }

    /** Calls with the place of the example and the completion's rank of each scored sequence, in their order. */
    private static void inOrder(List<? extends TokenizedPreference> examples, PlaceAndRank sequence) {
        int ranks = examples.stream()
                .mapToInt(example -> example.completions().size())
                .max()
                .orElse(0);
        for (int rank = 0; rank < ranks; rank++) {
            for (int example = 0; example < examples.size(); example++) {
                if (rank < examples.get(example).completions().size()) {
                    sequence.accept(example, rank);
                }
            }
        }
    }

    @FunctionalInterface
    private interface PlaceAndRank {
        void accept(int example, int rank);
    }

    /** Returns for each example the numbers of its scored sequences, best first. */
    public int[][] sequences() {
        int[][] numbers = new int[examples.size()][];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = new int[examples.get(i).completions().size()];
        }
        int[] next = {0};
        inOrder(examples, (example, rank) -> numbers[example][rank] = next[0]++);
        return numbers;
    }

    public int size() {
        return examples.size();
    }
}
