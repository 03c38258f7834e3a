package io.github.dpo4j.logprob;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.data.Origin;
import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.text.TokenizedPair;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A pair's two completions share one computation of their prompt; nothing else may change. */
class SharingTest {
    /** Pairs of the golden, and the corners: prompts and completions of one token, prompts of one length. */
    private static List<TokenizedPair> pairs(Golden golden) {
        List<TokenizedPair> pairs = new ArrayList<>(golden.pairs().subList(0, 2));
        pairs.add(pair(new int[] {17}, new int[] {5, 6, 7}, new int[] {9, 10}));
        pairs.add(pair(new int[] {17}, new int[] {5}, new int[] {9}));
        pairs.add(pair(new int[] {21, 22, 23}, new int[] {5}, new int[] {9, 11, 12, 13}));
        return pairs;
    }

    private static TokenizedPair pair(int[] prompt, int[] chosen, int[] rejected) {
        return new TokenizedPair(new Origin(Path.of("made.jsonl"), 1), prompt, chosen, rejected);
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "llama3", "gpt2", "gpt_neox"})
    void aSharedPromptChangesNeitherLogpsNorGradients(String family) throws IOException {
        Golden golden = Golden.of(family);
        List<TokenizedPair> pairs = pairs(golden);
        try (TensorScope _ = new TensorScope()) {
            CausalLm policy = golden.policy();
            PreferenceBatch shared = PreferenceBatch.of(pairs);
            PreferenceBatch apart = PreferenceBatch.withoutSharing(pairs);
            assertThat(shared.tokens().size()).isLessThan(apart.tokens().size());
            assertThat(shared.tokens().sequenceTokens())
                    .isEqualTo(apart.tokens().sequenceTokens());
            double[] gradientShared = gradient(policy, shared);
            double[] gradientApart = gradient(policy, apart);
            double[] logpsShared = logps(policy, shared);
            double[] logpsApart = logps(policy, apart);
            for (int i = 0; i < logpsShared.length; i++) {
                assertThat(logpsShared[i]).isCloseTo(logpsApart[i], within(1e-6 * Math.max(10, -logpsApart[i])));
            }
            double norm = Math.sqrt(Arrays.stream(gradientApart).map(g -> g * g).sum());
            assertThat(norm).isGreaterThan(1);
            assertThat(Golden.farthest(gradientShared, gradientApart)).isLessThan(1e-6 * norm);
        }
    }

    /** Of a sum with other weights for every sequence, so that no two may be swapped. */
    private static double[] gradient(CausalLm policy, PreferenceBatch batch) {
        policy.parameters().zeroGradient();
        try (TensorScope _ = new TensorScope()) {
            float[] weights = new float[2 * batch.size()];
            for (int i = 0; i < weights.length; i++) {
                weights[i] = i + 1;
            }
            ScoredTokens scored = ScoredTokens.of(policy, batch.tokens());
            Tensor sums = scored.sums();
            sums.mul(Tensors.ofFloats(weights, Device.CPU)).sum().backward();
            scored.backward();
            return Tensors.toDoubles(policy.parameters().flatGradient());
        }
    }

    private static double[] logps(CausalLm policy, PreferenceBatch batch) {
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            return Tensors.toDoubles(TokenLogps.sums(policy, batch.tokens()));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "llama3", "gpt2", "gpt_neox"})
    void aPairsLogpsDependNeitherOnBatchMatesNorOnTheirOrder(String family) throws IOException {
        Golden golden = Golden.of(family);
        List<TokenizedPair> pairs = pairs(golden);
        try (TensorScope _ = new TensorScope()) {
            CausalLm policy = golden.policy();
            double[] together = logps(policy, PreferenceBatch.of(pairs));
            double[] reversed = logps(policy, PreferenceBatch.of(pairs.reversed()));
            int count = pairs.size();
            for (int i = 0; i < count; i++) {
                double[] alone = logps(policy, PreferenceBatch.of(List.of(pairs.get(i))));
                for (int side = 0; side < 2; side++) {
                    double tolerance = 1e-6 * Math.max(10, -alone[side]);
                    assertThat(together[side * count + i]).isCloseTo(alone[side], within(tolerance));
                    assertThat(reversed[side * count + count - 1 - i]).isCloseTo(alone[side], within(tolerance));
                }
            }
        }
    }

    @Test
    void tokenLogpsAreLogSoftmaxAtTheTargets() {
        try (TensorScope _ = new TensorScope()) {
            Tensor logits = Tensors.ofFloats(new float[] {1, 2, 3, 1000, 0, -1000}, Device.CPU)
                    .view(2, 3);
            double[] logps =
                    Tensors.toDoubles(TokenLogps.ofLogits(logits, Tensors.ofInts(new int[] {0, 0}, Device.CPU)));
            // 1 - ln(e + e^2 + e^3); and 1000 - ln(e^1000 + 1 + e^-1000) = 0.
            assertThat(logps[0]).isCloseTo(1 - Math.log(Math.E + Math.exp(2) + Math.exp(3)), within(1e-6));
            assertThat(logps[1]).isZero();
        }
    }
}
