package io.github.dpo4j.golden;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.data.Origin;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.text.TokenizedPair;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** Small models of real architectures, and in golden.json what transformers 5.17 and TRL 1.13 computed on them in float32. */
public record Golden(Path folder, JsonNode values) {
    private static final int MAX_LENGTH = 128;

    /** The families that there is a golden of. */
    public static Stream<String> families() {
        return Stream.of("llama", "llama3", "gpt2", "gpt_neox", "mistral", "qwen2", "qwen3", "gemma3", "phi3");
    }

    public static Golden of(String family) throws IOException {
        Path folder = Path.of("src/test/resources/golden").resolve(family);
        return new Golden(
                folder,
                new ObjectMapper().readTree(folder.resolve("golden.json").toFile()));
    }

    public Path policyFolder() {
        return folder.resolve("policy");
    }

    /** The policy as it is trained; it belongs to the innermost scope. */
    public CausalLm policy() {
        return ModelFolder.open(policyFolder()).loadTrainable(Device.CPU, ComputeType.FLOAT32);
    }

    public CausalLm reference() {
        return ModelFolder.open(folder.resolve("reference")).loadFrozen(Device.CPU, ComputeType.FLOAT32);
    }

    /** The 16 pairs of the golden's ids, cut to its 128 tokens at the end. */
    public List<TokenizedPair> pairs() {
        return pairs(MAX_LENGTH, MAX_LENGTH, MAX_LENGTH);
    }

    /** The pairs with at most that many tokens of each prompt and completion, however long together. */
    public List<TokenizedPair> pairs(int promptTokens, int completionTokens) {
        return pairs(promptTokens, completionTokens, Integer.MAX_VALUE);
    }

    private List<TokenizedPair> pairs(int promptTokens, int completionTokens, int together) {
        List<TokenizedPair> pairs = new ArrayList<>();
        for (JsonNode row : values.path("tokenized")) {
            int[] prompt = cut(ids(row.path("prompt_ids")), promptTokens);
            int room = Math.min(completionTokens, together - prompt.length);
            pairs.add(new TokenizedPair(
                    new Origin(folder.resolve("preferences.jsonl"), pairs.size() + 1L),
                    prompt,
                    cut(ids(row.path("chosen_ids")), room),
                    cut(ids(row.path("rejected_ids")), room)));
        }
        return pairs;
    }

    /** One sequence whose last {@code completion} is scored. */
    public static PackedTokens sequence(int[] prompt, int[] completion) {
        return PackedTokens.ofSequences(List.of(prompt), List.of(completion));
    }

    public static int[] ids(JsonNode list) {
        int[] ids = new int[list.size()];
        Arrays.setAll(ids, i -> list.path(i).asInt());
        return ids;
    }

    public static double[] numbers(JsonNode list) {
        double[] numbers = new double[list.size()];
        Arrays.setAll(numbers, i -> list.path(i).asDouble());
        return numbers;
    }

    /** The largest difference between elements at the same place. */
    public static double farthest(double[] actual, double[] expected) {
        if (actual.length != expected.length) {
            throw new IllegalArgumentException(actual.length + " elements, not " + expected.length);
        }
        double worst = 0;
        for (int i = 0; i < actual.length; i++) {
            // max passes a NaN on, so that it fails the comparison.
            worst = Math.max(worst, Math.abs(actual[i] - expected[i]));
        }
        return worst;
    }

    private static int[] cut(int[] ids, int most) {
        return Arrays.copyOf(ids, Math.min(ids.length, most));
    }
}
