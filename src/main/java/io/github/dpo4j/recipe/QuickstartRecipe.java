package io.github.dpo4j.recipe;

import io.github.dpo4j.data.DatasetReader;
import io.github.dpo4j.data.OnBadRow;
import io.github.dpo4j.data.PromptExample;
import io.github.dpo4j.evaluate.Lexicon;
import io.github.dpo4j.evaluate.SequenceKl;
import io.github.dpo4j.generate.Sampling;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PreferenceLoss;
import io.github.dpo4j.report.MetricsLine;
import io.github.dpo4j.report.MetricsLog;
import io.github.dpo4j.report.RunStatus;
import io.github.dpo4j.text.ModelText;
import io.github.dpo4j.text.PromptTokenizer;
import io.github.dpo4j.text.TruncationMode;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.train.OptimizerSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** The whole pipeline on the embedded model and data: SFT on happy completions, DPO on pairs, then what it did on other openings. */
public final class QuickstartRecipe {
    private final QuickstartSettings settings;
    private final RunObserver observer;
    private final StopRequest stopRequested;
    private final Clock clock;

    public QuickstartRecipe(QuickstartSettings settings, RunObserver observer, StopRequest stopRequested, Clock clock) {
        this.settings = settings;
        this.observer = observer;
        this.stopRequested = stopRequested;
        this.clock = clock;
    }

    /** Runs it all; empty where a stop was asked for on the way. */
    public Optional<QuickstartResult> run() throws IOException {
        long startNanos = System.nanoTime();
        RunFolder folder = RunFolder.open(
                settings.output(),
                settings.overwrite() ? RunFolder.Start.OVERWRITE : RunFolder.Start.FRESH,
                List.of(settings.model(), settings.data()));
        Path sft = settings.output().resolve("sft");
        Path dpo = settings.output().resolve("dpo");

        // 1. Supervised fine-tuning on the chosen completions: the policy's start and the reference.
        observer.note("1 of 3: supervised fine-tuning on the happier completions");
        if (new SftRecipe(sftSettings(sft), observer, stopRequested, clock).run() != RunStatus.FINISHED) {
            return Optional.empty();
        }
        // 2. Direct preference optimization on the pairs.
        observer.note("2 of 3: direct preference optimization");
        if (new DpoRecipe(dpoSettings(sft.resolve("model"), dpo), observer, stopRequested, clock).run()
                != RunStatus.FINISHED) {
            return Optional.empty();
        }
        // 3. Held-out openings, completed by the model as it came, after SFT and after DPO.
        observer.note("3 of 3: completing held-out openings before and after");
        Lexicon lexicon = Lexicon.read(settings.data().resolve("vader-lexicon.tsv"));
        List<PromptExample> openings = openings();
        List<SampledCompletion> atStart = complete(settings.model(), openings);
        List<SampledCompletion> afterSft = complete(sft.resolve("model"), openings);
        List<SampledCompletion> afterDpo = complete(dpo.resolve("model"), openings);
        MetricsLine held = MetricsLog.read(dpo.resolve("metrics.jsonl")).stream()
                .filter(line -> line.split().equals(MetricsLine.EVAL))
                .reduce((_, last) -> last)
                .orElseThrow();
        QuickstartResult result = new QuickstartResult(
                held.value("rewards/accuracies"),
                held.value("rewards/margins"),
                happiness(lexicon, atStart),
                happiness(lexicon, afterSft),
                happiness(lexicon, afterDpo),
                kl(dpo.resolve("model"), sft.resolve("model"), openings, afterDpo),
                (System.nanoTime() - startNanos) / 1e9);
        new QuickstartReport(folder, result, lexicon, afterSft, afterDpo).write();
        return Optional.of(result);
    }

    private SftSettings sftSettings(Path output) {
        return new SftSettings(
                settings.model(),
                List.of(settings.data().resolve("train.jsonl").toString()),
                List.of(settings.data().resolve("heldout.jsonl").toString()),
                output,
                start(),
                new LengthLimit.Usual(),
                TruncationMode.KEEP_START,
                OnBadRow.FAIL,
                Optional.empty(),
                training(settings.sftSteps(), settings.sftLearningRate()));
    }

    private DpoSettings dpoSettings(Path model, Path output) {
        return new DpoSettings(
                model,
                Optional.empty(),
                List.of(settings.data().resolve("train.jsonl").toString()),
                List.of(settings.data().resolve("heldout.jsonl").toString()),
                output,
                start(),
                new LossMix(List.of(new LossMix.Term(new PreferenceLoss.Sigmoid(settings.beta(), 0), 1))),
                List.of("sigmoid"),
                settings.beta(),
                false,
                new ReferenceStorage.Live(),
                new PairSource(new LengthLimit.Usual(), OptionalInt.empty(), TruncationMode.KEEP_START, OnBadRow.FAIL),
                Optional.empty(),
                training(settings.dpoSteps(), settings.dpoLearningRate()));
    }

    private RunFolder.Start start() {
        return settings.overwrite() ? RunFolder.Start.OVERWRITE : RunFolder.Start.FRESH;
    }

    private TrainingSettings training(int steps, double learningRate) {
        return new TrainingSettings(
                new BatchSettings(settings.batchSize(), 1, OptionalInt.empty(), ActivationCheckpointing.AUTO),
                OptionalLong.of(steps),
                1,
                learningRate,
                "linear",
                OptionalLong.of(Math.max(1, steps / 10)),
                0,
                // A larger epsilon than usual: tokens that no story has get tiny gradients, which Adam would blow up.
                new OptimizerSettings.AdamW(0.9, 0.999, 1e-6, 0),
                1,
                settings.seed(),
                true,
                1,
                Math.max(1, steps / 2),
                0,
                0,
                settings.computeType(),
                settings.device(),
                AdapterChoice.NONE);
    }

    private List<PromptExample> openings() {
        List<PromptExample> all = DatasetReader.failing()
                .prompts(List.of(
                        settings.data().resolve("openings-heldout.jsonl").toString()))
                .examples();
        return all.subList(0, Math.min(settings.openings(), all.size()));
    }

    private List<SampledCompletion> complete(Path model, List<PromptExample> openings) {
        return new PromptCompletion(
                        model,
                        new Sampling(1, 0, 1),
                        settings.newTokens(),
                        settings.completionsPerOpening(),
                        settings.openings() * settings.completionsPerOpening(),
                        settings.seed(),
                        settings.device(),
                        settings.computeType(),
                        observer)
                .complete(openings);
    }

    private static double happiness(Lexicon lexicon, List<SampledCompletion> completions) {
        return completions.stream()
                .mapToDouble(completion -> lexicon.score(completion.sample().text()))
                .average()
                .orElse(Double.NaN);
    }

    private SequenceKl kl(
            Path policy, Path reference, List<PromptExample> openings, List<SampledCompletion> completions) {
        try (TensorScope _ = new TensorScope();
                ModelText text = ModelText.of(policy)) {
            PromptTokenizer tokenizer = new PromptTokenizer(text.tokenizer(), text.renderer());
            return SequenceKl.of(
                    ModelFolder.open(policy).loadFrozen(settings.device(), settings.computeType()),
                    ModelFolder.open(reference).loadFrozen(settings.device(), settings.computeType()),
                    completions.stream()
                            .map(completion -> tokenizer.encode(
                                    openings.get(completion.sample().prompt())))
                            .toList(),
                    completions.stream()
                            .map(completion -> completion.sample().completion().ids())
                            .toList());
        }
    }
}
