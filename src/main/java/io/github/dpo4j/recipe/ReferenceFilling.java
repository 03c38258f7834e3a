package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.logprob.FillLock;
import io.github.dpo4j.logprob.LogpsStore;
import io.github.dpo4j.logprob.PartialLogps;
import io.github.dpo4j.logprob.TokenLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.text.TokenizedPreference;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Fills a store with the reference's token logps, pack after pack; what an interrupted filling left is not computed again. */
record ReferenceFilling(CausalLm reference, RunObserver observer, Consumer<String> say) {
    /** A pack's tokens, prompts included: the most that a micro-batch gets unasked, and fixed, since it decides the bits. */
    static final int PACK_TOKENS = 1024;

    /** Completes the store of {@code dataset}; returns how many examples were computed, 0 if another process did it meanwhile. */
    int fill(LogpsStore store, String dataset, Map<String, String> about) throws IOException {
        try (FillLock _ = store.lock(() -> observer.note("reference logps of " + dataset
                + ": another run is computing them; waiting for it (" + store.folder() + ")"))) {
            switch (store.state()) {
                case LogpsStore.State.Complete _ -> {
                    return 0;
                }
                case LogpsStore.State.Damaged damaged -> {
                    say.accept("reference logps of " + dataset + ": the store " + store.folder() + " is damaged ("
                            + damaged.reason() + "); computing it anew");
                    store.clear();
                }
                case LogpsStore.State.Unfinished _ -> {}
            }
            try (PartialLogps partial = PartialLogps.open(store)) {
                int before = partial.filled();
                fill(partial, store.pairs(), dataset);
                partial.seal(about);
                return store.pairs().size() - before;
            }
        }
    }

    private void fill(PartialLogps partial, List<TokenizedPreference> pairs, String dataset) throws IOException {
        observer.begin("reference logps of " + dataset, pairs.size(), partial.filled());
        try {
            int from = 0;
            while (from < pairs.size()) {
                // The bounds follow from the pairs alone, so an interrupted filling ends with the bits of one that was
                // not.
                int to = packEnd(pairs, from);
                if (!partial.filled(from, to)) {
                    partial.fill(from, to, tokenLogps(pairs.subList(from, to)));
                    observer.progress(partial.filled(), "examples");
                }
                from = to;
            }
        } finally {
            observer.end();
        }
    }

    private static int packEnd(List<TokenizedPreference> pairs, int from) {
        int to = from;
        long tokens = 0;
        while (to < pairs.size()) {
            tokens += pairs.get(to).tokens();
            if (to > from && tokens > PACK_TOKENS) {
                break;
            }
            to++;
        }
        return to;
    }

    private float[] tokenLogps(List<TokenizedPreference> pairs) {
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            float[] logps = Tensors.toFloats(
                    TokenLogps.of(reference, PreferenceBatch.of(pairs).tokens()));
            for (float logp : logps) {
                if (!Float.isFinite(logp)) {
                    throw new UserError("the reference gives a logp of " + logp + " to a token of the examples from "
                            + pairs.getFirst().origin() + " to "
                            + pairs.getLast().origin()
                            + "; look at its weights, or compute with --dtype float32");
                }
            }
            return logps;
        }
    }
}
