package io.github.dpo4j.recipe;

import io.github.dpo4j.batch.BatchPlan;
import io.github.dpo4j.batch.TokenBudget;
import io.github.dpo4j.checkpoint.Checkpoints;
import io.github.dpo4j.checkpoint.TrainState;
import io.github.dpo4j.report.Metric;
import io.github.dpo4j.report.MetricsLine;
import io.github.dpo4j.report.MetricsLog;
import io.github.dpo4j.report.MetricsWriter;
import io.github.dpo4j.report.RunStatus;
import io.github.dpo4j.train.MetricSums;
import io.github.dpo4j.train.Objective;
import io.github.dpo4j.train.StepsAhead;
import io.github.dpo4j.train.Trainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Steps, and what happens between them: log lines, evaluations, checkpoints, a stop that was asked for.
 *
 * @param reference what moves the reference between steps, or null where it stays as it is
 * @param held the objective over the held-out examples, or null without any
 * @param unit what examples are called in metric names: pairs or sequences
 */
record TrainingLoop(
        Trainer trainer,
        BatchPlan plan,
        TokenBudget budget,
        long totalSteps,
        TrainingSettings settings,
        RunFolder folder,
        Checkpoints checkpoints,
        @Nullable MovingReference reference,
        @Nullable Objective held,
        String unit,
        RunObserver observer,
        StopRequest stopRequested) {

    /** Puts weights, optimizer and sums where the run that is resumed left them; call it before anything of it is replaced. */
    TrainState restore() throws IOException {
        if (!folder.resuming()) {
            return beginning();
        }
        Optional<Path> latest = checkpoints.latest();
        if (latest.isEmpty()) {
            observer.note("no checkpoint in " + folder.checkpoints() + " yet; starting from the first step");
            return beginning();
        }
        TrainState state = checkpoints.restore(
                latest.get(), trainer.parameters(), trainer.optimizer().states());
        if (reference != null) {
            reference.round();
        }
        observer.note(
                state.step() == totalSteps
                        ? latest.get() + " is the last step of the run; nothing is left to train"
                        : "resuming from " + latest.get());
        return state;
    }

    private TrainState beginning() {
        return new TrainState(0, 0, new MetricSums(trainer.objective().metricNames()).snapshot(), 0);
    }

    /** Runs to the last step, or to the end of the step during which a stop was asked for. */
    RunStatus run(TrainState start) throws IOException {
        MetricSums sums = new MetricSums(trainer.objective().metricNames());
        sums.restore(start.pending());
        long tokens = start.tokens();
        System.gc(); // what reading models and tokenizing left behind would otherwise stay until the run's end
        observer.begin("training", totalSteps, start.step());
        try (MetricsWriter log = new MetricsWriter(
                        folder.resuming() && start.step() > 0
                                ? MetricsLog.resumeAt(folder.metrics(), start.metricsBytes())
                                : MetricsLog.create(folder.metrics()));
                StepsAhead steps = new StepsAhead(start.step() + 1, totalSteps, this::prepared)) {
            for (long step = start.step() + 1; step <= totalSteps; step++) {
                long before = sums.tokens();
                Trainer.StepResult result = trainer.step(step, steps.next(), sums);
                tokens += sums.tokens() - before;
                if (reference != null) {
                    reference.after(step);
                }
                observer.progress(step, summary(result, sums));
                boolean last = step == totalSteps;
                if (step % settings.loggingSteps() == 0 || last) {
                    log.append(trainLine(step, result, sums, tokens));
                    sums.clear();
                }
                if (held != null && (last || (settings.evalSteps() > 0 && step % settings.evalSteps() == 0))) {
                    log.append(new Evaluation(held, budget).line(step, plan.epoch(step)));
                }
                boolean stopping = !last && stopRequested.getAsBoolean();
                if (stopping || (settings.saveSteps() > 0 && (last || step % settings.saveSteps() == 0))) {
                    long metricsBytes = log.force();
                    Path saved = checkpoints.write(
                            new TrainState(step, tokens, sums.snapshot(), metricsBytes),
                            trainer.parameters(),
                            trainer.optimizer().states(),
                            settings.saveTotalLimit());
                    if (stopping) {
                        observer.end();
                        observer.note(
                                "stopped after step " + step + "; " + saved + " is written, continue with --resume");
                        return RunStatus.STOPPED;
                    }
                }
            }
            log.force();
        }
        return RunStatus.FINISHED;
    }

    /** The micro-batches of a 1-based step; runs on a thread of its own. */
    private List<Objective.MicroBatch> prepared(long step) {
        Objective objective = trainer.objective();
        int[] examples = plan.step(step - 1);
        return objective
                .prepare(examples, budget.packs(examples, objective::tokens))
                .toList();
    }

    private MetricsLine trainLine(long step, Trainer.StepResult result, MetricSums sums, long tokens) {
        long steps = (step - 1) % settings.loggingSteps() + 1;
        List<Metric> metrics = new ArrayList<>();
        metrics.add(new Metric("loss", sums.meanLoss()));
        metrics.add(new Metric("grad_norm", result.gradNorm()));
        metrics.add(new Metric("learning_rate", result.learningRate()));
        for (int i = 0; i < sums.names().size(); i++) {
            metrics.add(new Metric(sums.names().get(i), sums.mean(i)));
        }
        metrics.add(new Metric("num_tokens", tokens));
        metrics.add(new Metric("epoch", plan.epoch(step)));
        metrics.add(new Metric("step_seconds", sums.seconds() / steps));
        metrics.add(new Metric(unit + "_per_second", sums.examples() / sums.seconds()));
        metrics.add(new Metric("tokens_per_second", sums.tokens() / sums.seconds()));
        return new MetricsLine(MetricsLine.TRAIN, step, metrics);
    }

    private String summary(Trainer.StepResult result, MetricSums sums) {
        return String.format(
                Locale.ROOT, "loss %.4f, %.1f %s/s", result.loss(), sums.examples() / sums.seconds(), unit);
    }
}
