package io.github.dpo4j.generate;

import io.github.dpo4j.UserError;
import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.batch.Segment;
import io.github.dpo4j.logprob.TokenLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/**
 * Continues prompts token by token with a key-value cache.
 *
 * @param endIds tokens after which a completion ends; they belong to it
 */
public record Generator(CausalLm model, Set<Integer> endIds, Sampling sampling, int maxNewTokens) {
    public Generator {
        endIds = Set.copyOf(endIds);
        if (maxNewTokens < 1) {
            throw new UserError("max_new_tokens is " + maxNewTokens + "; it must be at least 1");
        }
    }

    /** Why a completion ended. */
    public enum FinishReason {
        /** The model ended it. */
        STOP,
        /** It reached max_new_tokens, or the end of the model's positions. */
        LENGTH
    }

    /**
     * A completion.
     *
     * @param ids the tokens after the prompt, an end token included
     * @param logps log p of each under the model, before temperature and filters, nats
     */
    @SuppressWarnings("ArrayRecordComponent") // ids are read in bulk; nobody compares completions
    public record Completion(int[] ids, float[] logps, FinishReason finishReason) {
        /** Returns the logps of the whole completion. */
        public double sum() {
            double sum = 0;
            for (float logp : logps) {
                sum += logp;
            }
            return sum;
        }
    }

    /** Continues each prompt once; a completion depends on its own prompt and seed, not on the other prompts. */
    public List<Completion> generate(List<int[]> prompts, long[] seeds) {
        int sequences = prompts.size();
        int[] limits = prompts.stream().mapToInt(this::room).toArray();
        int newTokens = Arrays.stream(limits).max().orElse(0);
        int[][] ids = new int[sequences][newTokens];
        float[][] logps = new float[sequences][newTokens];
        int[] lengths = new int[sequences];
        boolean[] stopped = new boolean[sequences];
        boolean[] ended = new boolean[sequences];
        TokenChooser chooser = new TokenChooser(sampling, seeds, model.device());
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            KvCache cache =
                    new KvCache(model, prompts.stream().mapToInt(p -> p.length).toArray(), newTokens);
            int[] last = {};
            for (int step = 0; step < newTokens; step++) {
                try (TensorScope _ = new TensorScope()) {
                    Tensor logits =
                            model.logits(step == 0 ? afterPrompts(cache, prompts) : after(cache, last, step - 1));
                    Tensor chosen = chooser.choose(logits);
                    float[] chosenLogps = Tensors.toFloats(TokenLogps.ofLogits(logits, chosen));
                    last = Arrays.stream(Tensors.toLongs(chosen))
                            .mapToInt(Math::toIntExact)
                            .toArray();
                    for (int i = 0; i < sequences; i++) {
                        if (!ended[i]) {
                            ids[i][step] = last[i];
                            logps[i][step] = chosenLogps[i];
                            lengths[i] = step + 1;
                            stopped[i] = endIds.contains(last[i]);
                            ended[i] = stopped[i] || lengths[i] == limits[i];
                        }
                    }
                }
                if (allTrue(ended)) {
                    break;
                }
            }
        }
        List<Completion> completions = new ArrayList<>();
        for (int i = 0; i < sequences; i++) {
            completions.add(new Completion(
                    Arrays.copyOf(ids[i], lengths[i]),
                    Arrays.copyOf(logps[i], lengths[i]),
                    stopped[i] ? FinishReason.STOP : FinishReason.LENGTH));
        }
        return completions;
    }

    private Tensor afterPrompts(KvCache cache, List<int[]> prompts) {
        PackedTokens packed = PackedTokens.ofPrompts(prompts);
        Tensor hidden = model.hidden(
                Tensors.ofInts(packed.tokenIds(), model.device()),
                Tensors.ofInts(packed.positions(), model.device()),
                cache.prompts(packed.segments()));
        int[] ends = packed.segments().stream().mapToInt(Generator::lastRow).toArray();
        return hidden.index_select(0, Tensors.ofInts(ends, model.device()));
    }

    private static int lastRow(Segment segment) {
        return segment.start() + segment.length() - 1;
    }

    private Tensor after(KvCache cache, int[] tokens, int step) {
        return model.hidden(
                Tensors.ofInts(tokens, model.device()),
                Tensors.ofInts(cache.positions(step), model.device()),
                cache.next(step));
    }

    /** Returns how many tokens may follow this prompt. */
    private int room(int[] prompt) {
        if (prompt.length == 0) {
            throw new UserError("an empty prompt has nothing to continue, and this tokenizer adds no BOS token to it");
        }
        int limit = model.settings().positionLimit().orElse(Integer.MAX_VALUE);
        if (prompt.length >= limit) {
            throw new UserError("a prompt of " + prompt.length + " tokens leaves no room to continue: the model has "
                    + limit + " positions");
        }
        return Math.min(maxNewTokens, limit - prompt.length);
    }

    private static boolean allTrue(boolean[] values) {
        for (boolean value : values) {
            if (!value) {
                return false;
            }
        }
        return true;
    }
}
