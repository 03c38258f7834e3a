package io.github.dpo4j.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.logprob.ReferenceLogps;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PreferenceLoss;
import io.github.dpo4j.recipe.DpoObjective;
import io.github.dpo4j.recipe.SftObjective;
import io.github.dpo4j.text.TokenizedCompletion;
import io.github.dpo4j.train.MetricSums;
import io.github.dpo4j.train.Objective;
import io.github.dpo4j.train.Optimizer;
import io.github.dpo4j.train.OptimizerSettings;
import io.github.dpo4j.train.Schedule;
import io.github.dpo4j.train.Trainer;
import java.io.IOException;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

class TensorScopeTest {
    private static final List<int[]> STEP = List.of(new int[] {0, 1}, new int[] {2, 3});

    @Test
    void whatIsMadeInAScopeDiesWithItAndWhatIsKeptLivesInTheOneOutside() {
        try (TensorScope _ = new TensorScope()) {
            Tensor kept;
            Tensor lost;
            try (TensorScope inner = new TensorScope()) {
                lost = Tensors.zeros(Device.CPU, ScalarType.Float, 3);
                kept = inner.keep(Tensors.full(Device.CPU, ScalarType.Float, 7, 3));
            }
            assertThat(lost.isNull()).isTrue();
            assertThat(kept.isNull()).isFalse();
            assertThat(Tensors.toFloats(kept)).containsExactly(7, 7, 7);
            assertThatThrownBy(lost::numel).isInstanceOf(NullPointerException.class);
        }
    }

    @Test
    void aTensorKeptToTheOuterScopeDiesWithThat() {
        Tensor kept;
        long before = Pointer.totalCount();
        try (TensorScope _ = new TensorScope()) {
            try (TensorScope inner = new TensorScope()) {
                kept = inner.keep(Tensors.zeros(Device.CPU, ScalarType.Float, 3));
            }
        }
        assertThat(kept.isNull()).isTrue();
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    @Test
    void noGradEndsWithItsBlockEvenWhereItIsNestedOrThrows() {
        try (TensorScope _ = new TensorScope()) {
            Tensor x = Tensors.zeros(Device.CPU, ScalarType.Float, 3).set_requires_grad(true);
            assertThat(x.neg().requires_grad()).isTrue();
            try (NoGrad _ = new NoGrad()) {
                try (NoGrad _ = new NoGrad()) {
                    assertThat(x.neg().requires_grad()).isFalse();
                }
                assertThat(x.neg().requires_grad()).isFalse();
            }
            assertThat(x.neg().requires_grad()).isTrue();
            assertThatThrownBy(() -> {
                        try (NoGrad _ = new NoGrad()) {
                            throw new IllegalStateException("inside");
                        }
                    })
                    .hasMessage("inside");
            assertThat(x.neg().requires_grad()).isTrue();
        }
    }

    @Test
    void threeHundredStepsOfDpoLeaveNoNativeObjectBehind() throws IOException {
        Golden golden = Golden.of("llama");
        try (TensorScope _ = new TensorScope()) {
            LossMix mix = new LossMix(List.of(
                    new LossMix.Term(new PreferenceLoss.Sigmoid(0.1, 0.1), 1),
                    new LossMix.Term(new PreferenceLoss.Sft(), 0.1)));
            DpoObjective objective = new DpoObjective(
                    golden.policy(), new ReferenceLogps.Live(golden.reference()), mix, 0.1, golden.pairs(4, 3));
            assertNothingGrows(objective, objective.policy().parameters());
        }
    }

    @Test
    void threeHundredStepsOfSftLeaveNoNativeObjectBehind() throws IOException {
        Golden golden = Golden.of("gpt_neox");
        try (TensorScope _ = new TensorScope()) {
            List<TokenizedCompletion> completions = golden.pairs(4, 3).stream()
                    .map(pair -> new TokenizedCompletion(pair.origin(), pair.promptIds(), pair.chosenIds()))
                    .toList();
            SftObjective objective = new SftObjective(golden.policy(), completions);
            assertNothingGrows(objective, objective.policy().parameters());
        }
    }

    private static void assertNothingGrows(Objective objective, io.github.dpo4j.model.Parameters parameters) {
        Trainer trainer = new Trainer(
                objective,
                parameters,
                new Optimizer(new OptimizerSettings.AdamW(0.9, 0.999, 1e-8, 0), parameters),
                1e-5,
                new Schedule.Constant(),
                1);
        MetricSums sums = new MetricSums(objective.metricNames());
        long count = 0;
        long bytes = 0;
        for (int step = 1; step <= 300; step++) {
            trainer.step(step, objective.prepare(STEP).toList(), sums);
            if (step == 20) {
                count = Pointer.totalCount();
            }
            if (step == 100) {
                bytes = Pointer.physicalBytes();
            }
        }
        assertThat(Pointer.totalCount()).isEqualTo(count);
        // A step's tensors are some 5 MiB: 200 steps that leaked a tenth of them would add 100 MiB.
        assertThat(Pointer.physicalBytes() - bytes).isLessThan(64L << 20);
    }
}
