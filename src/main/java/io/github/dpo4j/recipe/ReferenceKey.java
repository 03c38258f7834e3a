package io.github.dpo4j.recipe;

import io.github.dpo4j.logprob.LogpsStore;
import io.github.dpo4j.model.fused.FusedDecoder;
import io.github.dpo4j.report.HashedFile;
import io.github.dpo4j.safetensors.Sha256;
import io.github.dpo4j.torch.NativeLibrary;
import io.github.dpo4j.torch.Threads;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What the reference's token logps of a dataset depend on, to the last bit: weights, ids and compute type; then device, threads
 * and the versions that compute. No loss, beta, seed or batch size is in it, so runs that differ in these share a store.
 */
record ReferenceKey(Map<String, String> parts) {
    /**
     * Takes the parts from what the run has hashed already.
     *
     * @param weightsRole the role of the reference's files in {@code inputs}
     * @param dataset the role of the dataset whose ids are meant
     */
    static ReferenceKey of(List<HashedFile> inputs, String weightsRole, String dataset, TrainingSettings training) {
        Map<String, String> parts = new LinkedHashMap<>();
        for (HashedFile input : inputs) {
            String name = Path.of(input.path()).getFileName().toString();
            if (input.role().equals(weightsRole) && !name.equals("tokenizer.json")) {
                parts.put(name, input.sha256());
            } else if (input.role().equals("token_ids") && input.path().equals(dataset)) {
                parts.put("token_ids", input.sha256());
            }
        }
        parts.put("dtype", training.computeType().label());
        parts.put("device", training.device().isCuda() ? "cuda" : "cpu");
        parts.put("threads", training.device().isCuda() ? "any" : Integer.toString(Threads.count()));
        boolean fused = FusedDecoder.runsOn(training.device());
        parts.put("decoder", fused ? "fused" : "plain");
        parts.put("dpo4j", Provenance.version());
        parts.put("libtorch", NativeLibrary.version());
        return new ReferenceKey(parts);
    }

    /** Returns the SHA-256 of all parts by their names: the name of the store's folder. */
    String sha256() {
        StringBuilder text = new StringBuilder("reference logps " + LogpsStore.FORMAT + "\n");
        parts.forEach(
                (name, value) -> text.append(name).append('\t').append(value).append('\n'));
        return Sha256.of(text.toString().getBytes(StandardCharsets.UTF_8));
    }
}
