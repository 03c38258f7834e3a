package io.github.dpo4j.batch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Token sequences laid end to end without padding, as plain arrays. T tokens, S scored tokens, N sequences.
 *
 * @param tokenIds [T]
 * @param positions [T], each token's position in its own sequence
 * @param segments who may attend to whom; they cover the T tokens in order
 * @param predictorRows [S], the row whose hidden state predicts the scored token
 * @param targetIds [S], the scored tokens, sequence by sequence
 * @param scoredCounts [N], scored tokens of each sequence
 * @param sequenceTokens tokens of all sequences together with shared prompts counted each time, as TRL counts num_tokens
 */
@SuppressWarnings("ArrayRecordComponent") // bulk data; nobody compares packs
public record PackedTokens(
        int[] tokenIds,
        int[] positions,
        List<Segment> segments,
        int[] predictorRows,
        int[] targetIds,
        int[] scoredCounts,
        long sequenceTokens) {

    public int size() {
        return tokenIds.length;
    }

    public int scored() {
        return targetIds.length;
    }

    /** Packs sequences one after the other, none sharing anything: prompt + completion, the completion scored. */
    public static PackedTokens ofSequences(List<int[]> prompts, List<int[]> completions) {
        Builder builder = new Builder();
        for (int i = 0; i < prompts.size(); i++) {
            int promptStart = builder.append(prompts.get(i), 0);
            int start = builder.append(completions.get(i), prompts.get(i).length);
            builder.segment(promptStart, prompts.get(i).length + completions.get(i).length);
            builder.score(start - 1, start, completions.get(i));
            builder.countPrompt(prompts.get(i).length);
        }
        return builder.build();
    }

    /** Packs whole prompts with nothing scored, for generation. */
    public static PackedTokens ofPrompts(List<int[]> prompts) {
        Builder builder = new Builder();
        for (int[] prompt : prompts) {
            builder.segment(builder.append(prompt, 0), prompt.length);
        }
        return builder.build();
    }

    /** Appends runs of tokens and remembers which rows are scored; sequences are scored in the order of the calls. */
    static final class Builder {
        private final List<int[]> runs = new ArrayList<>();
        private final List<int[]> positions = new ArrayList<>();
        private final List<Segment> segments = new ArrayList<>();
        private final List<int[]> predictors = new ArrayList<>();
        private final List<int[]> targets = new ArrayList<>();
        private final List<Integer> counts = new ArrayList<>();
        private int size;
        private long sequenceTokens;

        /** Appends ids whose first has {@code firstPosition} in its sequence; returns the row of the first. */
        int append(int[] ids, int firstPosition) {
            int start = size;
            int[] run = new int[ids.length];
            Arrays.setAll(run, i -> firstPosition + i);
            runs.add(ids);
            positions.add(run);
            size += ids.length;
            return start;
        }

        void segment(int start, int length) {
            segments.add(Segment.alone(start, length));
        }

        void segment(int start, int length, int prefixStart, int prefixLength) {
            segments.add(new Segment(start, length, prefixStart, prefixLength));
        }

        /** Scores a completion that lies at {@code start}: its first token is predicted by {@code firstPredictor}. */
        void score(int firstPredictor, int start, int[] completion) {
            int[] rows = new int[completion.length];
            Arrays.setAll(rows, i -> i == 0 ? firstPredictor : start + i - 1);
            predictors.add(rows);
            targets.add(completion);
            counts.add(completion.length);
            sequenceTokens += completion.length;
        }

        void countPrompt(int tokens) {
            sequenceTokens += tokens;
        }

        PackedTokens build() {
            return new PackedTokens(
                    concatenate(runs),
                    concatenate(positions),
                    List.copyOf(segments),
                    concatenate(predictors),
                    concatenate(targets),
                    counts.stream().mapToInt(Integer::intValue).toArray(),
                    sequenceTokens);
        }

        private static int[] concatenate(List<int[]> parts) {
            int[] all = new int[parts.stream().mapToInt(p -> p.length).sum()];
            int at = 0;
            for (int[] part : parts) {
                System.arraycopy(part, 0, all, at, part.length);
                at += part.length;
            }
            return all;
        }
    }
}
