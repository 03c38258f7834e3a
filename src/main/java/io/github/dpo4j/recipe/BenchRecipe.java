package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.batch.BatchPlan;
import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.batch.TokenBudget;
import io.github.dpo4j.logprob.ReferenceLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.DecoderSettings;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PreferenceLoss;
import io.github.dpo4j.text.TokenizedPair;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.GpuMemory;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Threads;
import io.github.dpo4j.train.Optimizer;
import io.github.dpo4j.train.OptimizerSettings;
import java.lang.management.ManagementFactory;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** How fast DPO steps are, and what share of the machine's fastest matrix products they reach. Trains in memory alone. */
public final class BenchRecipe {
    private static final double BETA = 0.1;
    private static final double LEARNING_RATE = 1e-6;

    private final BenchSettings settings;
    private final RunObserver observer;
    private final Clock clock;

    public BenchRecipe(BenchSettings settings, RunObserver observer, Clock clock) {
        this.settings = settings;
        this.observer = observer;
        this.clock = clock;
    }

    /** Measures products, steps, and products again. */
    public BenchResult run() {
        try (TensorScope _ = new TensorScope()) {
            // What a run of dpo has before its first step.
            ModelFolder folder = ModelFolder.open(settings.model());
            if (folder.adapter().isPresent()) {
                throw new UserError(settings.model() + " is an adapter; bench measures the training of whole models");
            }
            List<TokenizedPair> pairs = new BenchPairs(settings, folder, observer).read();
            CausalLm policy = folder.loadTrainable(settings.device(), settings.computeType());
            ReferenceLogps reference = settings.liveReference()
                    ? new ReferenceLogps.Live(folder.loadFrozen(settings.device(), settings.computeType()))
                    : new ReferenceLogps.None(settings.device());
            LossMix loss = new LossMix(List.of(new LossMix.Term(new PreferenceLoss.Sigmoid(BETA, 0), 1)));
            DpoObjective objective = new DpoObjective(policy, reference, loss, BETA, pairs);
            Optimizer optimizer = new Optimizer(new OptimizerSettings.AdamW(0.9, 0.999, 1e-8, 0), policy.parameters());
            TokenBudget budget = settings.tokensPerMicroBatch().isPresent()
                    ? new TokenBudget(settings.tokensPerMicroBatch().getAsInt())
                    : new TokenBudget(TokenBudget.MOST);
            BatchPlan plan = new BatchPlan(pairs.size(), settings.pairsPerStep(), true, settings.seed());
            double startSeconds = sinceJvmStart();

            GemmPeaks peaks = new GemmPeaks(settings.device(), types(), shapes(objective, budget, plan));
            observer.note("measuring matrix products");
            peaks.round();
            List<StepTimes> steps = steps(new TimedStep(objective, optimizer, budget, LEARNING_RATE), plan);
            observer.note("measuring matrix products again");
            peaks.round();

            return new BenchResult(
                    settings,
                    folder.settings(),
                    policy.parameters().count(),
                    Threads.count(),
                    budget.tokens(),
                    peaks.peaks(),
                    steps,
                    PeakMemory.bytes(),
                    GpuMemory.peakBytes(settings.device()),
                    startSeconds);
        }
    }

    private List<StepTimes> steps(TimedStep step, BatchPlan plan) {
        List<StepTimes> times = new ArrayList<>();
        observer.begin("steps", settings.steps(), 0);
        for (int number = 0; number < settings.steps(); number++) {
            StepTimes time = step.run(number + 1L, plan.step(number));
            times.add(time);
            observer.progress(number + 1L, String.format(Locale.ROOT, "%.2f s a step", time.totalSeconds()));
        }
        observer.end();
        return times;
    }

    /** The types whose peak is worth knowing: float32, that of the steps, and bfloat16 where it is fast. */
    private List<ComputeType> types() {
        return Stream.of(
                        ComputeType.FLOAT32,
                        settings.computeType(),
                        ComputeType.probe(settings.device()).type())
                .distinct()
                .toList();
    }

    /** A square, and the product into and out of the MLP of the first micro-batch. */
    private List<GemmPeaks.Shape> shapes(DpoObjective objective, TokenBudget budget, BatchPlan plan) {
        PackedTokens first = objective
                .batch(budget.packs(plan.step(0), objective::tokens).getFirst())
                .tokens();
        DecoderSettings model = objective.policy().settings();
        return List.of(
                GemmPeaks.Shape.square(settings.square()),
                new GemmPeaks.Shape(first.size(), model.width(), model.mlpWidth()),
                new GemmPeaks.Shape(first.size(), model.mlpWidth(), model.width()));
    }

    private double sinceJvmStart() {
        Instant start =
                Instant.ofEpochMilli(ManagementFactory.getRuntimeMXBean().getStartTime());
        return Duration.between(start, clock.instant()).toMillis() / 1e3;
    }
}
