package io.github.dpo4j.recipe;

import io.github.dpo4j.model.DecoderSettings;
import io.github.dpo4j.torch.ComputeType;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.ToDoubleFunction;

/**
 * What a benchmark found. Times, operations and counts are medians over the counted steps, rates their quotients.
 *
 * @param weights of the model
 * @param budget packed tokens of a micro-batch at most
 * @param peaks the best of every shape and type
 * @param allSteps with those that warm up
 * @param peakMemory bytes; empty where the system does not tell
 * @param peakGpuMemory bytes; empty on a CPU
 * @param startSeconds from the start of the JVM to when the first step could begin
 */
public record BenchResult(
        BenchSettings settings,
        DecoderSettings model,
        long weights,
        int threads,
        int budget,
        List<GemmPeaks.Peak> peaks,
        List<StepTimes> allSteps,
        OptionalLong peakMemory,
        OptionalLong peakGpuMemory,
        double startSeconds) {

    /**
     * A phase, or a whole step.
     *
     * @param flops useful ones; 0 for a phase that has none
     */
    public record Speed(double seconds, double flops, double peakFlopsPerSecond) {
        public double flopsPerSecond() {
            return flops / seconds;
        }

        /** Returns the share of the machine's peak in the compute type of the steps. */
        public double shareOfPeak() {
            return flopsPerSecond() / peakFlopsPerSecond;
        }
    }

    public List<StepTimes> countedSteps() {
        return allSteps.subList(settings.warmupSteps(), allSteps.size());
    }

    /** Returns the most operations per second of any product in this type. */
    public double peak(ComputeType type) {
        return peaks.stream()
                .filter(peak -> peak.type() == type)
                .mapToDouble(GemmPeaks.Peak::flopsPerSecond)
                .max()
                .orElseThrow();
    }

    public Speed speed(Phase phase) {
        return speed(median(step -> step.secondsOf(phase)), median(step -> (double) step.flopsOf(phase)));
    }

    public Speed step() {
        return speed(median(StepTimes::totalSeconds), median(step -> (double) step.totalFlops()));
    }

    private Speed speed(double seconds, double flops) {
        return new Speed(seconds, flops, peak(settings.computeType()));
    }

    public double pairs() {
        return median(StepTimes::pairs);
    }

    public double microBatches() {
        return median(StepTimes::microBatches);
    }

    public double packedTokens() {
        return median(step -> (double) step.packedTokens());
    }

    public double sequenceTokens() {
        return median(step -> (double) step.sequenceTokens());
    }

    public double pairsPerSecond() {
        return pairs() / step().seconds();
    }

    public double packedTokensPerSecond() {
        return packedTokens() / step().seconds();
    }

    /** Returns tokens per second with a pair's prompt counted twice, as metrics.jsonl and TRL count. */
    public double sequenceTokensPerSecond() {
        return sequenceTokens() / step().seconds();
    }

    public double firstStepSeconds() {
        return allSteps.getFirst().totalSeconds();
    }

    private double median(ToDoubleFunction<StepTimes> of) {
        double[] sorted = countedSteps().stream().mapToDouble(of).sorted().toArray();
        return Arrays.stream(sorted, (sorted.length - 1) / 2, sorted.length / 2 + 1)
                .average()
                .orElseThrow();
    }
}
