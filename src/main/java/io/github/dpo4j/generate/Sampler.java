package io.github.dpo4j.generate;

import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Completes many prompts, several times each, in batches.
 *
 * @param batchSize sequences decoded together
 * @param seed with the prompt's number and the completion's number it fixes a completion, whatever the batches
 */
public record Sampler(
        CausalLm model,
        Tokenizer tokenizer,
        Set<Integer> endIds,
        Sampling sampling,
        int maxNewTokens,
        int completionsPerPrompt,
        int batchSize,
        long seed) {

    /** A completion as text (special tokens left out) and as it was generated; {@code prompt} is the prompt's number. */
    public record Sample(int prompt, String text, Generator.Completion completion) {}

    /** Hears of completions as their batches end. */
    @FunctionalInterface
    public interface Listener {
        void completed(int samples);
    }

    /** Returns the completions, those of one prompt together, in the order of the prompts. */
    public List<Sample> sample(List<int[]> prompts, Listener listener) {
        Generator generator = new Generator(model, endIds, sampling, maxNewTokens);
        int total = prompts.size() * completionsPerPrompt;
        List<Sample> samples = new ArrayList<>(total);
        for (int start = 0; start < total; start += batchSize) {
            int size = Math.min(batchSize, total - start);
            List<int[]> batch = new ArrayList<>();
            long[] seeds = new long[size];
            for (int i = 0; i < size; i++) {
                int prompt = (start + i) / completionsPerPrompt;
                batch.add(prompts.get(prompt));
                seeds[i] = seedOf(prompt, (start + i) % completionsPerPrompt);
            }
            List<Generator.Completion> completions = generator.generate(batch, seeds);
            for (int i = 0; i < size; i++) {
                Generator.Completion completion = completions.get(i);
                samples.add(new Sample(
                        (start + i) / completionsPerPrompt, text(batch.get(i), completion.ids()), completion));
            }
            listener.completed(samples.size());
        }
        return samples;
    }

    /** Decodes behind the prompt: alone, many tokenizers would drop the space that a completion begins with. */
    private String text(int[] prompt, int[] completion) {
        int[] both = Arrays.copyOf(prompt, prompt.length + completion.length);
        System.arraycopy(completion, 0, both, prompt.length, completion.length);
        String before = tokenizer.decode(prompt, true);
        String whole = tokenizer.decode(both, true);
        return whole.startsWith(before) ? whole.substring(before.length()) : tokenizer.decode(completion, true);
    }

    long seedOf(int prompt, int completion) {
        // Hashed one after the other: mixed by xor, neighbouring seeds would share streams in another order.
        long ofSeed = new SplittableRandom(seed).nextLong();
        long ofPrompt = new SplittableRandom(ofSeed + prompt).nextLong();
        return new SplittableRandom(ofPrompt + completion).nextLong();
    }
}
