package io.github.dpo4j.recipe;

import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.batch.TokenBudget;
import io.github.dpo4j.logprob.ReferenceLogps;
import io.github.dpo4j.logprob.ScoredTokens;
import io.github.dpo4j.model.DecoderFlops;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.objective.LogRatios;
import io.github.dpo4j.objective.StepCounts;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.train.GradientNorm;
import io.github.dpo4j.train.NonFiniteException;
import io.github.dpo4j.train.Optimizer;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** The optimizer step of {@link DpoObjective} and {@link io.github.dpo4j.train.Trainer} with a clock between its phases. */
record TimedStep(DpoObjective objective, Optimizer optimizer, TokenBudget budget, double learningRate) {
    private static final double MAX_GRAD_NORM = 1;

    /** Makes the 1-based step on the pairs of these numbers; throws NonFiniteException where there would be nothing to time. */
    StepTimes run(long step, int[] numbers) {
        DecoderFlops flops = new DecoderFlops(objective.policy().settings());
        Parameters parameters = objective.policy().parameters();
        Map<Phase, Long> done = new EnumMap<>(Phase.class);
        StepTimes.Clock clock = new StepTimes.Clock(parameters.device());

        List<int[]> packs = budget.packs(numbers, objective::tokens);
        StepCounts counts = objective.counts(packs);
        List<PreferenceBatch> batches = packs.stream().map(objective::batch).toList();
        clock.lap(Phase.HOST);

        parameters.zeroGradient();
        for (PreferenceBatch batch : batches) {
            try (TensorScope _ = new TensorScope()) {
                Tensor reference = objective.referenceSums(batch);
                clock.lap(Phase.REFERENCE);
                ScoredTokens scored = ScoredTokens.of(objective.policy(), batch.tokens());
                clock.lap(Phase.FORWARD);
                LogRatios ratios = objective.logRatios(batch, scored.logps(), reference);
                Tensor shares = objective.loss().shares(ratios, counts);
                shares.sum().backward();
                clock.lap(Phase.HOST);
                scored.backward();
                clock.lap(Phase.BACKWARD);
                objective.unread(batch, ratios, shares).read();
                clock.lap(Phase.HOST);
            }
            done.merge(Phase.FORWARD, flops.forward(batch.tokens()), Long::sum);
            done.merge(Phase.BACKWARD, flops.backward(batch.tokens()), Long::sum);
        }
        double norm = GradientNorm.of(parameters.flatGradient());
        if (!Double.isFinite(norm)) {
            throw new NonFiniteException("step " + step + ": the gradient is not finite; try --dtype float32");
        }
        optimizer.step(learningRate, step, GradientNorm.clipScale(norm, MAX_GRAD_NORM));
        clock.lap(Phase.OPTIMIZER);

        switch (objective.reference()) {
            case ReferenceLogps.Live _ -> done.put(Phase.REFERENCE, done.getOrDefault(Phase.FORWARD, 0L));
            case ReferenceLogps.Stored _, ReferenceLogps.None _ -> {}
        }
        return new StepTimes(
                clock.seconds(),
                done,
                numbers.length,
                batches.size(),
                batches.stream().mapToLong(batch -> batch.tokens().size()).sum(),
                batches.stream()
                        .mapToLong(batch -> batch.tokens().sequenceTokens())
                        .sum());
    }
}
