package io.github.dpo4j.recipe;

import io.github.dpo4j.torch.Device;
import java.util.EnumMap;
import java.util.Map;

/**
 * What one optimizer step did and how long it took.
 *
 * @param seconds of every phase; they add up to the step's
 * @param flops useful ones of every phase
 * @param packedTokens a pair's prompt counted once
 * @param sequenceTokens a pair's prompt counted twice, as TRL counts
 */
public record StepTimes(
        Map<Phase, Double> seconds,
        Map<Phase, Long> flops,
        int pairs,
        int microBatches,
        long packedTokens,
        long sequenceTokens) {

    public double secondsOf(Phase phase) {
        return seconds.getOrDefault(phase, 0.0);
    }

    public long flopsOf(Phase phase) {
        return flops.getOrDefault(phase, 0L);
    }

    public double totalSeconds() {
        return seconds.values().stream().mapToDouble(Double::doubleValue).sum();
    }

    public long totalFlops() {
        return flops.values().stream().mapToLong(Long::longValue).sum();
    }

    /** Gives all time between its construction and the last lap to one phase or another. */
    static final class Clock {
        private final Device device;
        private final Map<Phase, Double> seconds = new EnumMap<>(Phase.class);
        private long last = System.nanoTime();

        Clock(Device device) {
            this.device = device;
        }

        /** Ends a stretch of this phase. */
        void lap(Phase phase) {
            device.await();
            long now = System.nanoTime();
            seconds.merge(phase, (now - last) / 1e9, Double::sum);
            last = now;
        }

        Map<Phase, Double> seconds() {
            return seconds;
        }
    }
}
