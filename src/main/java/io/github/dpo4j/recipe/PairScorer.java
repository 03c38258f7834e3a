package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.data.Origin;
import io.github.dpo4j.logprob.TokenLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.text.ModelText;
import io.github.dpo4j.text.TokenizedPair;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Logps of pairs under one model, or under a policy and a reference. */
public record PairScorer(
        Path policy,
        Optional<Path> reference,
        PairSource source,
        int batchSize,
        Device device,
        ComputeType computeType,
        RunObserver observer) {

    public PairScorer {
        if (batchSize < 1) {
            throw new UserError("batch_size is " + batchSize + "; it must be at least 1");
        }
    }

    /** Summed logps of one pair, nats, and its token counts after truncation. */
    public record Scores(
            Origin origin,
            double policyChosen,
            double policyRejected,
            Optional<ChosenRejected> reference,
            int promptTokens,
            int chosenTokens,
            int rejectedTokens) {}

    /** Summed logps of a pair's completions under one model. */
    public record ChosenRejected(double chosen, double rejected) {}

    /** Returns the scores of all pairs that are left after tokenizing, in order. */
    public List<Scores> score(List<String> datasets, Path skippedRows) {
        ModelFolder policyFolder = ModelFolder.open(policy);
        try (ModelText text = ModelText.of(policyFolder.text())) {
            PairSource.Pairs read = source.read(text, policyFolder.settings(), datasets, skippedRows);
            observer.note(read.rows().summary());
            observer.note(read.tokenized().report().summary());
            TokenBounds.check(read.tokenized(), policyFolder);
            List<TokenizedPair> pairs = read.tokenized().pairs();
            List<ChosenRejected> policyScores = score(policyFolder, pairs, "policy");
            Optional<List<ChosenRejected>> referenceScores = reference
                    .map(ModelFolder::open)
                    .map(folder -> {
                        TokenBounds.check(read.tokenized(), folder);
                        return score(folder, pairs, "reference");
                    });
            List<Scores> scores = new ArrayList<>();
            for (int i = 0; i < pairs.size(); i++) {
                int number = i;
                scores.add(new Scores(
                        pairs.get(i).origin(),
                        policyScores.get(i).chosen(),
                        policyScores.get(i).rejected(),
                        referenceScores.map(all -> all.get(number)),
                        pairs.get(i).promptIds().length,
                        pairs.get(i).chosenIds().length,
                        pairs.get(i).rejectedIds().length));
            }
            return scores;
        }
    }

    private List<ChosenRejected> score(ModelFolder folder, List<TokenizedPair> pairs, String task) {
        List<ChosenRejected> scores = new ArrayList<>();
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            CausalLm model = folder.loadFrozen(device, computeType);
            observer.begin("scoring under the " + task, pairs.size(), 0);
            for (int start = 0; start < pairs.size(); start += batchSize) {
                List<TokenizedPair> some = pairs.subList(start, Math.min(pairs.size(), start + batchSize));
                try (TensorScope _ = new TensorScope()) {
                    double[] sums = Tensors.toDoubles(
                            TokenLogps.sums(model, PreferenceBatch.of(some).tokens()));
                    for (int i = 0; i < some.size(); i++) {
                        scores.add(new ChosenRejected(sums[i], sums[some.size() + i]));
                    }
                }
                observer.progress(scores.size(), "pairs");
            }
            observer.end();
        }
        return scores;
    }
}
