package io.github.dpo4j.recipe;

import io.github.dpo4j.report.HashedFile;
import io.github.dpo4j.safetensors.Sha256;
import java.nio.ByteBuffer;
import java.util.List;

/** A hash over token ids in the order of the data: what training sees, whatever made it (tokenizer, template, clock, order). */
final class TokenHash {
    private TokenHash() {}

    /** Returns it as an input of the run, under the role {@code token_ids}; {@code sequences} are ids one after the other. */
    static HashedFile of(String dataset, List<int[]> sequences) {
        int bytes = Math.multiplyExact(
                4, sequences.stream().mapToInt(ids -> ids.length + 1).sum());
        ByteBuffer buffer = ByteBuffer.allocate(bytes);
        for (int[] ids : sequences) {
            buffer.putInt(ids.length);
            for (int id : ids) {
                buffer.putInt(id);
            }
        }
        return new HashedFile("token_ids", dataset, bytes, Sha256.of(buffer.array()));
    }
}
