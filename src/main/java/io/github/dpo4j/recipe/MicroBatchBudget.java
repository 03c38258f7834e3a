package io.github.dpo4j.recipe;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.batch.TokenBudget;
import io.github.dpo4j.model.DecoderSettings;
import io.github.dpo4j.report.RunManifest;
import io.github.dpo4j.report.Setting;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.train.Objective;
import java.io.IOException;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/** The token budget of a run: asked for, or that of the run which is resumed, or what free memory allows. */
final class MicroBatchBudget {
    static final String SETTING = "tokens_per_micro_batch";

    private MicroBatchBudget() {}

    /** A budget that was not asked for is recorded with the run, so that resuming it on a busier machine gives the same bits. */
    static TokenBudget of(TrainingSettings training, RunFolder folder, DecoderSettings model) throws IOException {
        OptionalInt asked = training.batches().tokensPerMicroBatch();
        OptionalInt known = asked.isPresent() || !folder.resuming() ? asked : recorded(folder);
        if (known.isPresent()) {
            return new TokenBudget(known.getAsInt());
        }
        return usual(training.device(), model);
    }

    /** Returns what free memory allows. */
    static TokenBudget usual(Device device, DecoderSettings model) {
        // A GPU has memory of its own, for which even the largest budget is small.
        long free = device.isCuda() ? Long.MAX_VALUE : FreeMemory.bytes();
        return TokenBudget.choose(free, bytesPerToken(model));
    }

    private static OptionalInt recorded(RunFolder folder) throws IOException {
        return RunManifest.read(folder.manifest()).settings().stream()
                .filter(setting -> setting.name().equals(SETTING))
                .map(Setting::value)
                .filter(value -> value.isInt() && value.intValue() > 0)
                .mapToInt(JsonNode::intValue)
                .findFirst();
    }

    /** An estimate of the activations that a token leaves for the backward pass. */
    static long bytesPerToken(DecoderSettings model) {
        return 4L * model.layers() * (10L * model.width() + 3L * model.mlpWidth());
    }

    /** Says how a run's examples fit. */
    static String summary(TokenBudget budget, Objective objective) {
        long longer = IntStream.range(0, objective.examples())
                .filter(example -> objective.tokens(example) > budget.tokens())
                .count();
        return "micro-batches hold up to " + budget.tokens() + " tokens"
                + (longer == 0 ? "" : "; " + longer + " longer examples are one each");
    }
}
