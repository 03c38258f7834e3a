package io.github.dpo4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dpo4j.UserError;
import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import io.github.dpo4j.train.MetricSums;
import io.github.dpo4j.train.Optimizer;
import io.github.dpo4j.train.OptimizerSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointsTest {
    private static final Map<String, String> SETTINGS = Map.of("beta", "0.1", "seed", "42");

    @TempDir
    Path folder;

    private static TrainState state(long step) {
        return new TrainState(step, 1234, new MetricSums.Snapshot(List.of(0.1, 1.0 / 3), 1.0 / 7, 5, 99, Math.PI), 77);
    }

    private static Parameters parameters() throws IOException {
        return Golden.of("llama").policy().parameters();
    }

    private static Optimizer adam(Parameters parameters) {
        return new Optimizer(new OptimizerSettings.AdamW(0.9, 0.999, 1e-8, 0.01), parameters);
    }

    private Checkpoints checkpoints() {
        return new Checkpoints(folder.resolve("checkpoints"), SETTINGS);
    }

    private List<String> entries() throws IOException {
        try (Stream<Path> entries = Files.list(folder.resolve("checkpoints"))) {
            return entries.map(
                            entry -> Objects.requireNonNull(entry.getFileName()).toString())
                    .sorted()
                    .toList();
        }
    }

    /** Two updates with a made gradient, so that weights and states are none that a fresh model has. */
    private static void train(Parameters parameters, Optimizer optimizer) {
        try (NoGrad _ = new NoGrad()) {
            parameters.flatGradient().fill_(new Scalar(1.0 / 3));
        }
        optimizer.step(1e-3, 1, 1);
        optimizer.step(1e-3, 2, 1);
    }

    @Test
    void weightsOptimizerAndSumsComeBackBitForBit() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            Parameters trained = parameters();
            Optimizer optimizer = adam(trained);
            train(trained, optimizer);
            checkpoints().write(state(2), trained, optimizer.states(), 0);

            Parameters fresh = parameters();
            Optimizer freshOptimizer = adam(fresh);
            assertThat(Tensors.toFloats(fresh.flat())).isNotEqualTo(Tensors.toFloats(trained.flat()));
            TrainState restored =
                    checkpoints().restore(checkpoints().latest().orElseThrow(), fresh, freshOptimizer.states());
            assertThat(restored).isEqualTo(state(2));
            trained.byName()
                    .forEach((name, weight) -> assertThat(Tensors.toFloats(
                                    Objects.requireNonNull(fresh.byName().get(name))))
                            .as(name)
                            .isEqualTo(Tensors.toFloats(weight)));
            optimizer
                    .states()
                    .forEach((name, buffer) -> trained.byName()
                            .keySet()
                            .forEach(weight -> assertThat(Tensors.toFloats(fresh.part(
                                            Objects.requireNonNull(
                                                    freshOptimizer.states().get(name)),
                                            weight)))
                                    .as(name + " of " + weight)
                                    .isEqualTo(Tensors.toFloats(trained.part(buffer, weight)))));
        }
    }

    @Test
    void metricSumsContinueWhereTheyStood() {
        MetricSums sums = new MetricSums(List.of("a", "b"));
        sums.restore(state(2).pending());
        assertThat(sums.snapshot()).isEqualTo(state(2).pending());
        // 0.1 / 5 examples
        assertThat(sums.mean(0)).isEqualTo(0.1 / 5);
    }

    @Test
    void aRunWithOtherSettingsIsRefusedByTheKeysThatDiffer() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            Parameters parameters = parameters();
            Optimizer optimizer = adam(parameters);
            Path written = checkpoints().write(state(2), parameters, optimizer.states(), 0);
            Checkpoints other =
                    new Checkpoints(folder.resolve("checkpoints"), Map.of("beta", "0.2", "seed", "42", "loss", "ipo"));
            assertThatThrownBy(() -> other.restore(written, parameters, optimizer.states()))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("beta (was 0.1, is 0.2), loss (was absent, is ipo)")
                    .hasMessageNotContaining("seed");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"weights.safetensors", "optimizer.safetensors"})
    void aFileThatWasChangedIsRefusedAndTouchesNoWeight(String name) throws IOException {
        try (TensorScope _ = new TensorScope()) {
            Parameters parameters = parameters();
            Optimizer optimizer = adam(parameters);
            Path written = checkpoints().write(state(2), parameters, optimizer.states(), 0);
            byte[] bytes = Files.readAllBytes(written.resolve(name));
            bytes[bytes.length - 5] ^= 1;
            Files.write(written.resolve(name), bytes);
            train(parameters, optimizer);
            float[] before = Tensors.toFloats(parameters.flat());
            assertThatThrownBy(() -> checkpoints().restore(written, parameters, optimizer.states()))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining(name + " is not the file that the checkpoint's manifest.json names");
            assertThat(Tensors.toFloats(parameters.flat())).isEqualTo(before);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"{\"format\": 1}", "{}", "[]", "{", "null", "{\"format\": 1, \"files\": {}, \"settings\": {}}"})
    void aManifestThatLacksSomethingIsAUsersError(String manifest) throws IOException {
        try (TensorScope _ = new TensorScope()) {
            Parameters parameters = parameters();
            Optimizer optimizer = adam(parameters);
            Path written = checkpoints().write(state(2), parameters, optimizer.states(), 0);
            Files.writeString(written.resolve("manifest.json"), manifest);
            assertThatThrownBy(() -> checkpoints().restore(written, parameters, optimizer.states()))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("manifest.json");
        }
    }

    @Test
    void halfWrittenFoldersDoNotCount() throws IOException {
        assertThat(checkpoints().latest()).isEmpty();
        try (TensorScope _ = new TensorScope()) {
            Parameters parameters = parameters();
            Optimizer optimizer = adam(parameters);
            Path written = checkpoints().write(state(2), parameters, optimizer.states(), 0);
            Files.createDirectories(folder.resolve("checkpoints/step-9"));
            Files.createDirectories(folder.resolve("checkpoints/.step-8.tmp"));
            Files.writeString(folder.resolve("checkpoints/.step-8.tmp/manifest.json"), "{}");
            Files.createDirectories(folder.resolve("checkpoints/step-x"));
            Files.writeString(folder.resolve("checkpoints/step-x/manifest.json"), "{}");
            assertThat(checkpoints().latest()).hasValue(written);
            Path next = checkpoints().write(state(8), parameters, optimizer.states(), 0);
            assertThat(checkpoints().latest()).hasValue(next);
            assertThat(entries()).doesNotContain(".step-8.tmp");
        }
    }

    @Test
    void theOldestGoWhereThereAreMoreThanTheLimit() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            Parameters parameters = parameters();
            Optimizer optimizer = adam(parameters);
            for (long step : new long[] {2, 9, 10, 11}) {
                checkpoints().write(state(step), parameters, optimizer.states(), 2);
            }
            assertThat(entries()).containsExactly("step-10", "step-11");
        }
    }

    @Test
    void aFailureInTheMiddleLeavesTheOldOnesAlone() throws IOException {
        try (TensorScope _ = new TensorScope()) {
            Parameters parameters = parameters();
            checkpoints().write(state(2), parameters, adam(parameters).states(), 1);
            Map<String, Tensor> tooShort =
                    Map.of("exp_avg", Tensors.zeros(Device.CPU, org.bytedeco.pytorch.global.torch.ScalarType.Float, 5));
            assertThatThrownBy(() -> checkpoints().write(state(3), parameters, tooShort, 1))
                    .isInstanceOf(RuntimeException.class);
            assertThat(entries()).containsExactly("step-2");
        }
    }
}
