package io.github.dpo4j.recipe;

import io.github.dpo4j.data.PromptExample;
import io.github.dpo4j.generate.EndTokens;
import io.github.dpo4j.generate.Sampler;
import io.github.dpo4j.generate.Sampling;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.text.ModelText;
import io.github.dpo4j.text.PromptTokenizer;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Completes prompts with a model folder. */
public record PromptCompletion(
        Path model,
        Sampling sampling,
        int maxNewTokens,
        int completionsPerPrompt,
        int batchSize,
        long seed,
        Device device,
        ComputeType computeType,
        RunObserver observer) {

    /** Returns the completions, those of one prompt together, in the order of the prompts. */
    public List<SampledCompletion> complete(List<PromptExample> prompts) {
        ModelFolder folder = ModelFolder.open(model);
        try (TensorScope _ = new TensorScope();
                ModelText text = ModelText.of(folder.text())) {
            PromptTokenizer tokenizer = new PromptTokenizer(text.tokenizer(), text.renderer());
            List<int[]> ids = new ArrayList<>();
            for (PromptExample prompt : prompts) {
                int[] encoded = tokenizer.encode(prompt);
                TokenBounds.check(prompt.origin(), folder, encoded, new int[0]);
                ids.add(encoded);
            }
            CausalLm lm = folder.loadFrozen(device, computeType);
            Sampler sampler = new Sampler(
                    lm,
                    text.tokenizer(),
                    EndTokens.of(folder.path(), text.tokenizer()),
                    sampling,
                    maxNewTokens,
                    completionsPerPrompt,
                    batchSize,
                    seed);
            observer.begin("generating", (long) prompts.size() * completionsPerPrompt, 0);
            List<SampledCompletion> completions =
                    sampler.sample(ids, samples -> observer.progress(samples, "completions")).stream()
                            .map(sample -> new SampledCompletion(prompts.get(sample.prompt()), sample))
                            .toList();
            observer.end();
            return completions;
        }
    }
}
