package io.github.dpo4j.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.recipe.BenchResult;
import io.github.dpo4j.recipe.BenchSettings;
import io.github.dpo4j.recipe.GemmPeaks;
import io.github.dpo4j.recipe.Phase;
import io.github.dpo4j.recipe.StepTimes;

/** A benchmark's numbers as one JSON object. */
final class BenchJson {
    private BenchJson() {}

    static ObjectNode of(BenchResult result) {
        BenchSettings settings = result.settings();
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("model", settings.model().toString());
        json.put("weights", result.weights());
        json.put("dtype", settings.computeType().label());
        json.put("device", settings.device().name());
        json.put("threads", result.threads());
        json.put("reference_logps", settings.liveReference() ? "live" : "stored");
        json.put("tokens_per_micro_batch", result.budget());
        json.put("seed", settings.seed());
        json.put("warmup_steps", settings.warmupSteps());
        result.peaks().forEach(peak -> json.withArray("/products").add(product(peak)));
        json.put("peak_flop_per_second", result.peak(settings.computeType()));
        for (Phase phase : Phase.values()) {
            json.withArray("/phases").add(speed(phase.label(), result.speed(phase)));
        }
        json.set("step", speed("step", result.step()));
        result.countedSteps().forEach(step -> json.withArray("/steps").add(step(step)));
        json.put("pairs_per_second", result.pairsPerSecond());
        json.put("packed_tokens_per_second", result.packedTokensPerSecond());
        json.put("tokens_per_second", result.sequenceTokensPerSecond());
        result.peakMemory().ifPresent(bytes -> json.put("peak_rss_bytes", bytes));
        json.put("start_seconds", result.startSeconds());
        json.put("first_step_seconds", result.firstStepSeconds());
        return json;
    }

    private static ObjectNode product(GemmPeaks.Peak peak) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("dtype", peak.type().label());
        json.put("rows", peak.shape().rows());
        json.put("inner", peak.shape().inner());
        json.put("columns", peak.shape().columns());
        json.put("seconds", peak.seconds());
        json.put("flop_per_second", peak.flopsPerSecond());
        return json;
    }

    private static ObjectNode speed(String name, BenchResult.Speed speed) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("name", name);
        json.put("seconds", speed.seconds());
        json.put("flop", speed.flops());
        if (speed.flops() > 0) {
            json.put("flop_per_second", speed.flopsPerSecond());
            json.put("share_of_peak", speed.shareOfPeak());
        }
        return json;
    }

    private static ObjectNode step(StepTimes step) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("pairs", step.pairs());
        json.put("micro_batches", step.microBatches());
        json.put("packed_tokens", step.packedTokens());
        json.put("tokens", step.sequenceTokens());
        json.put("flop", step.totalFlops());
        json.put("seconds", step.totalSeconds());
        ObjectNode phases = json.putObject("phase_seconds");
        for (Phase phase : Phase.values()) {
            phases.put(phase.label(), step.secondsOf(phase));
        }
        return json;
    }
}
