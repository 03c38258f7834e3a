package io.github.dpo4j.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** TR-DPO: the reference follows the policy. */
class MovingReferenceTest {
    private static final ModelFolder POLICY = ModelFolder.open(TinyRun.golden("llama/policy"));
    private static final ModelFolder REFERENCE = ModelFolder.open(TinyRun.golden("llama/reference"));

    private static double[] weight(CausalLm model) {
        return Tensors.toDoubles(model.parameters().weight("model.layers.0.mlp.up_proj.weight"));
    }

    @Test
    void everySecondStepItTakesInItsShareOfThePolicy() {
        try (TensorScope _ = new TensorScope()) {
            CausalLm policy = POLICY.loadTrainable(Device.CPU, ComputeType.FLOAT32);
            CausalLm reference = REFERENCE.loadFrozen(Device.CPU, ComputeType.FLOAT32);
            MovingReference moving =
                    new MovingReference(new ReferenceStorage.Moving(2, 0.25), policy, reference, reference);
            double[] start = weight(reference);
            moving.after(1);
            assertThat(weight(reference)).isEqualTo(start);
            moving.after(2);
            double[] p = weight(policy);
            double[] moved = weight(reference);
            for (int i = 0; i < p.length; i++) {
                assertThat(moved[i]).isCloseTo(0.25 * p[i] + 0.75 * start[i], within(1e-7));
            }
        }
    }

    /** In bfloat16 alone a share of 0.002 would be rounded away every time. */
    @Test
    void smallMovesAddUpInFloat32() {
        try (TensorScope _ = new TensorScope()) {
            CausalLm policy = POLICY.loadTrainable(Device.CPU, ComputeType.BFLOAT16);
            CausalLm reference = REFERENCE.loadFrozen(Device.CPU, ComputeType.BFLOAT16);
            CausalLm masters = REFERENCE.loadFrozen(Device.CPU, ComputeType.FLOAT32);
            MovingReference moving =
                    new MovingReference(new ReferenceStorage.Moving(1, 0.002), policy, reference, masters);
            double[] start = weight(masters);
            for (int step = 1; step <= 100; step++) {
                moving.after(step);
            }
            double left = Math.pow(0.998, 100);
            double[] p = weight(policy);
            double[] exact = weight(masters);
            double[] rounded = weight(reference);
            double[] expected = Tensors.toDoubles(masters.parameters()
                    .weight("model.layers.0.mlp.up_proj.weight")
                    .to(ScalarType.BFloat16));
            for (int i = 0; i < p.length; i++) {
                assertThat(exact[i]).isCloseTo(left * start[i] + (1 - left) * p[i], within(5e-6));
            }
            assertThat(rounded).isEqualTo(expected);
        }
    }

    @Test
    void aReferenceOfOtherWeightsCannotMove() {
        MovingReference.requireAlike(POLICY, REFERENCE);
        ModelFolder other = ModelFolder.open(TinyRun.golden("gpt2/policy"));
        assertThatThrownBy(() -> MovingReference.requireAlike(POLICY, other))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("one architecture and size");
    }

    @Test
    void movesLeaveNoNativeObjectBehind() {
        try (TensorScope _ = new TensorScope()) {
            MovingReference moving = new MovingReference(
                    new ReferenceStorage.Moving(1, 0.5),
                    POLICY.loadTrainable(Device.CPU, ComputeType.BFLOAT16),
                    REFERENCE.loadFrozen(Device.CPU, ComputeType.BFLOAT16),
                    REFERENCE.loadFrozen(Device.CPU, ComputeType.FLOAT32));
            moving.after(1);
            long count = Pointer.totalCount();
            moving.after(2);
            assertThat(Pointer.totalCount()).isEqualTo(count);
        }
    }

    /** A reference that becomes the policy after each step leaves the DPO loss at ln 2 and rewards at 0, to the last bits. */
    @ParameterizedTest
    @CsvSource({"FLOAT32", "BFLOAT16"})
    void aReferenceThatGoesAllTheWayEachStepLeavesNoMargin(ComputeType type, @TempDir Path folder) throws IOException {
        TinyRun run = new TinyRun(TinyRun.pairs(folder.resolve("pairs.jsonl"), 6), folder.resolve("run"));
        run.computeType = type;
        run.referenceStorage = new ReferenceStorage.Moving(1, 1);
        run.loggingSteps = 1;
        run.maxSteps = 5;
        run.dpo();
        List<JsonNode> lines = TinyRun.metrics(folder.resolve("run"));
        assertThat(lines).hasSizeGreaterThan(5);
        for (JsonNode line : lines) {
            assertThat(line.path("loss").asDouble()).isCloseTo(Math.log(2), within(1e-7));
            assertThat(line.path("rewards/margins").asDouble()).isZero();
        }
    }
}
