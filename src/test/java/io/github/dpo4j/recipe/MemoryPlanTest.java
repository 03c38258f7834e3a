package io.github.dpo4j.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dpo4j.UserError;
import io.github.dpo4j.batch.TokenBudget;
import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.model.GradientStorage;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.model.Shapes;
import io.github.dpo4j.model.WeightCounts;
import io.github.dpo4j.model.fused.FusedMemory;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.train.OptimizerSettings;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The arithmetic on paper: what a run takes, and what is chosen so that it fits. */
class MemoryPlanTest {
    private static final OptimizerSettings ADAMW = new OptimizerSettings.AdamW(0.9, 0.999, 1e-8, 0);
    private static final long PROGRAM = 600_000_000;
    private static final long PLENTY = 1L << 40;

    /** 30 layers, width 576, 9 heads on 3, head width 64, MLP 1536, 49152 ids, tied; its files are bfloat16. */
    private static final MemoryNeeds.Model SMOL = new MemoryNeeds.Model(
            Shapes.smolLm2(49152),
            // Matrices: 49152 x 576 + 30 x (2 x 576 x 576 + 2 x 192 x 576 + 3 x 1536 x 576); vectors: 61 x 576.
            new WeightCounts(134_479_872, 35_136, 28_311_552, 106_168_320, 3_538_944, 269_030_016));

    private static final long WEIGHTS = 538_060_032; // 4 x 134515008
    private static final long HALF = 268_959_744; // 2 x 134479872
    private static final long REFERENCE = 269_100_288; // 2 x 134479872 + 4 x 35136
    private static final long LARGEST = 113_246_208; // 4 x 28311552
    private static final long KEPT = 4 * WEIGHTS + HALF + REFERENCE + LARGEST + PROGRAM;

    // A token in bfloat16. Sides, with a quarter for rounding: 5/4 x (2 x (576 + 2 x 192) + 4 x 9) = 2445.
    // A layer: 2 x (2 x 576 + 4) + sides + 2 x 576 + 2 x 2 x 1536 = 12053. Around: 4 x 576 + 4 + 2 x 4 x 576 = 6916.
    // Backward: the stream's gradient (4 + 3 x 2) x 576 = 5760, a layer's 2 x (1536 + 2 x 576 + 576 + 2 x 192) = 7296,
    // its
    // branches' sides + 2 x (2 x 576 + 576) = 5901.
    private static final long TOKEN = 387_463; // 30 layers + around + backward
    // 30 x 4 x 576 + a layer + around + backward + what a layer's forward adds: 2 x 2 x 576.
    private static final long TOKEN_RECOMPUTED = 109_350;
    private static final long FORWARD_TOKEN = 24_345; // a layer + around + 2 x (576 + 576 + 1536)

    /** What does not grow in proportion, on this JVM's one thread. */
    private static long beside(long tokens) {
        return FusedMemory.of(SMOL.settings(), ComputeType.BFLOAT16, FusedMemory.AdapterWidths.NONE, false)
                .beside(tokens);
    }

    private static long forwardBeside(long tokens) {
        return FusedMemory.ofForward(SMOL.settings(), ComputeType.BFLOAT16).beside(tokens);
    }

    /** 512 tokens, the least that is chosen. */
    private static final long LEAST = KEPT + beside(512) + forwardBeside(512) + 512 * (TOKEN + FORWARD_TOKEN);

    private static final long LEAST_RECOMPUTED =
            KEPT + beside(512) + forwardBeside(512) + 512 * (TOKEN_RECOMPUTED + FORWARD_TOKEN);

    private static MemoryNeeds needs(long longest) {
        return needs(longest, 64 * longest);
    }

    private static MemoryNeeds needs(long longest, long several) {
        return new MemoryNeeds(
                SMOL,
                Optional.of(new MemoryNeeds.Reference(SMOL, MemoryNeeds.Stay.BESIDE)),
                Optional.empty(),
                new MemoryNeeds.Training(ADAMW, ComputeType.BFLOAT16, true),
                new MemoryNeeds.Examples(longest, several, Math.max(longest, several)),
                0,
                PROGRAM);
    }

    private static MemoryPlan plan(MemoryNeeds needs, int budget, boolean recompute) {
        return new MemoryPlan(needs, new TokenBudget(budget), recompute, PLENTY);
    }

    private static MicroBatchBudget auto(long free) {
        return MicroBatchBudget.planned(OptionalInt.empty(), ActivationCheckpointing.AUTO, needs(300), free);
    }

    @Test
    void everyPartOfARunHasItsBytes() {
        assertThat(plan(needs(300), 1024, false).entries())
                .extracting(MemoryPlan.Entry::bytes)
                .containsExactly(
                        WEIGHTS,
                        WEIGHTS,
                        2 * WEIGHTS,
                        HALF,
                        REFERENCE,
                        LARGEST,
                        PROGRAM,
                        1024 * TOKEN + beside(1024),
                        1024 * FORWARD_TOKEN + forwardBeside(1024));
        assertThat(plan(needs(300), 1024, false).trainingBytes()).isEqualTo(3_832_577_792L);
        assertThat(plan(needs(300), 1024, true).trainingBytes())
                .isEqualTo(3_832_577_792L - 1024 * (TOKEN - TOKEN_RECOMPUTED));
    }

    @Test
    void aReferenceThatMovesIsThereInFloat32Too() {
        MemoryPlan still = plan(needs(300), 1024, false);
        MemoryPlan moving = plan(needs(300).withReference(MemoryNeeds.Stay.MOVING), 1024, false);
        assertThat(moving.trainingBytes()).isEqualTo(still.trainingBytes() + WEIGHTS);
        MemoryNeeds float32 = needs(300).with(ComputeType.FLOAT32);
        assertThat(plan(float32.withReference(MemoryNeeds.Stay.MOVING), 1024, false)
                        .trainingBytes())
                .isEqualTo(plan(float32, 1024, false).trainingBytes());
        assertThatThrownBy(() -> new MemoryPlan(
                                needs(300).withReference(MemoryNeeds.Stay.MOVING),
                                new TokenBudget(1024),
                                false,
                                LEAST / 2)
                        .requireFits())
                .isInstanceOf(UserError.class)
                .message()
                .doesNotContain("--reference-logps stored");
    }

    @Test
    void float32NeedsNoSecondCopyAndRmspropOneState() {
        MemoryNeeds needs = needs(300)
                .withReference(MemoryNeeds.Stay.WHILE_STORING)
                .with(ComputeType.FLOAT32)
                .with(new OptimizerSettings.RmsProp(0.99, 1e-8, 0));
        assertThat(plan(needs, 1024, false).entries())
                .extracting(MemoryPlan.Entry::bytes)
                .startsWith(WEIGHTS, WEIGHTS, WEIGHTS, LARGEST, PROGRAM)
                .hasSize(6);
    }

    /** Of the gradient, 30 - 1 layers of 2 x 576 x 576 + 2 x 192 x 576 + 3 x 1536 x 576 are never there. */
    @Test
    void withoutClippingAndWithOneMicroBatchAStepGradientsAreThereByLayer() {
        MemoryNeeds unclipped = needs(300).withoutClipping();
        MemoryPlan several = plan(unclipped, 64 * 300 - 1, false);
        assertThat(several.gradients()).isEqualTo(GradientStorage.WHOLE);
        MemoryPlan one = plan(unclipped, 64 * 300, false);
        assertThat(one.gradients()).isEqualTo(GradientStorage.BY_LAYER);
        assertThat(one.entries())
                .contains(new MemoryPlan.Entry(
                        "gradients of a layer and of what is outside, float32", WEIGHTS - 4 * 29 * 3_538_944L));
        MemoryPlan clipped = plan(needs(300), 64 * 300, false);
        assertThat(clipped.gradients()).isEqualTo(GradientStorage.WHOLE);
        assertThat(clipped.trainingBytes() - one.trainingBytes()).isEqualTo(4 * 29 * 3_538_944L);
        assertThat(clipped.loadingBytes() - one.loadingBytes()).isEqualTo(4 * 29 * 3_538_944L);
        assertThatThrownBy(() -> new MemoryPlan(needs(300), new TokenBudget(64 * 300), false, 1 << 30).requireFits())
                .hasMessageContaining("--max-grad-norm 0 (");
        assertThatThrownBy(() -> new MemoryPlan(needs(300), new TokenBudget(1024), false, 1 << 30).requireFits())
                .hasMessageNotContaining("--max-grad-norm 0");
        assertThatThrownBy(() -> new MemoryPlan(needs(300, 600), new TokenBudget(512), false, 1 << 30).requireFits())
                .hasMessageContaining("--max-grad-norm 0 --tokens-per-micro-batch 640 (");
    }

    /** 640 tokens and a layer's gradient take less than 512 tokens and the whole one. */
    @Test
    void withoutClippingTheLeastMemoryMayBeThatOfAWholeStep() {
        MemoryNeeds unclipped = needs(300, 600).withoutClipping();
        long least = plan(unclipped, 512, false).peakBytes();
        long step = plan(unclipped, 640, false).peakBytes();
        assertThat(step).isLessThan(least);
        MicroBatchBudget chosen =
                MicroBatchBudget.planned(OptionalInt.empty(), ActivationCheckpointing.AUTO, unclipped, step);
        assertThat(chosen.recompute()).isFalse();
        assertThat(chosen.budget().tokens()).isEqualTo(640);
        assertThat(chosen.gradients()).isEqualTo(GradientStorage.BY_LAYER);
        assertThat(MicroBatchBudget.planned(OptionalInt.empty(), ActivationCheckpointing.AUTO, needs(300, 600), LEAST)
                        .budget()
                        .tokens())
                .isEqualTo(512);
        MicroBatchBudget one = MicroBatchBudget.planned(
                OptionalInt.of(100),
                ActivationCheckpointing.AUTO,
                needs(3000, 0).withoutClipping(),
                PLENTY);
        assertThat(one.gradients()).as("steps of one long example").isEqualTo(GradientStorage.BY_LAYER);
    }

    @Test
    void storedLogpsOfTheReferenceCountInItsPlace() {
        MemoryNeeds needs =
                needs(300).withReference(MemoryNeeds.Stay.WHILE_STORING).withStore(77);
        assertThat(plan(needs, 1024, false).entries())
                .contains(new MemoryPlan.Entry("stored reference logps, mapped", 77))
                .extracting(MemoryPlan.Entry::bytes)
                .doesNotContain(REFERENCE);
    }

    @Test
    void beforeTheFirstStepOneModelsFilesAreMappedAtATime() {
        MemoryPlan both = plan(needs(300), 1024, false);
        assertThat(both.loadingBytes()).isEqualTo(PROGRAM + 2 * WEIGHTS + REFERENCE + 269_030_016 + LARGEST);
        MemoryPlan stored = plan(needs(300).withReference(MemoryNeeds.Stay.WHILE_STORING), 1024, false);
        assertThat(stored.loadingBytes()).isEqualTo(PROGRAM + 2 * WEIGHTS + 269_030_016 + LARGEST);
    }

    @Test
    void aLargeReferenceThatStoresItsLogpsIsThePeak() {
        MemoryNeeds.Model tiny = new MemoryNeeds.Model(SMOL.settings(), new WeightCounts(64, 32, 64, 0, 0, 192));
        MemoryNeeds needs = new MemoryNeeds(
                tiny,
                Optional.of(new MemoryNeeds.Reference(SMOL, MemoryNeeds.Stay.WHILE_STORING)),
                Optional.empty(),
                new MemoryNeeds.Training(ADAMW, ComputeType.BFLOAT16, true),
                new MemoryNeeds.Examples(20_000, 20_000, 20_000),
                0,
                PROGRAM);
        // Reading maps 269 MB of files, scoring the longest example takes 481 MB.
        assertThat(plan(needs, 1024, true).loadingBytes())
                .isEqualTo(PROGRAM + REFERENCE + 20_000 * FORWARD_TOKEN + forwardBeside(20_000));
    }

    @Test
    void aMicroBatchHoldsAWholeExampleAndNoMoreThanThereIs() {
        assertThat(plan(needs(3000), 1024, false).packTokens()).isEqualTo(3000);
        assertThat(plan(needs(300), 1024, false).packTokens()).isEqualTo(1024);
        assertThat(plan(needs(10), 1024, false).packTokens()).isEqualTo(640);
        long[] lengths = {5, 40, 7, 30};
        assertThat(MemoryNeeds.Examples.of(
                        lengths, Stream.of(new int[] {0, 1, 2}, new int[] {3}), LongStream.of(20, 50, 25)))
                .isEqualTo(new MemoryNeeds.Examples(50, 5 + 40 + 7, 20 + 50 + 25));
        assertThat(MemoryNeeds.Examples.of(lengths, Stream.of(new int[] {1}, new int[] {3}), LongStream.empty()))
                .isEqualTo(new MemoryNeeds.Examples(40, 0, 40));
    }

    @Test
    void headersCountTheWeightsOfATinyModel() {
        // 768 x 64 + 2 x (2 x 64 x 64 + 2 x 32 x 64 + 3 x 128 x 64) in matrices, 5 x 64 in norms, float32 files.
        assertThat(ModelFolder.open(TinyRun.golden("llama/policy")).counts())
                .isEqualTo(new WeightCounts(122_880, 320, 49_152, 73_728, 36_864, 4 * 123_200));
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "llama3", "gpt2", "gpt_neox"})
    void headersCountWhatLoadingMakes(String family) throws IOException {
        try (TensorScope _ = new TensorScope()) {
            Parameters loaded = Golden.of(family).policy().parameters();
            WeightCounts counts =
                    ModelFolder.open(Golden.of(family).policyFolder()).counts();
            assertThat(counts.all()).isEqualTo(loaded.flat().numel());
            assertThat(counts.matrices()).isEqualTo(loaded.decayedElements());
        }
    }

    @Test
    void activationsAreRecomputedAsSoonAsTheLeastBudgetDoesNotFitOtherwise() {
        MicroBatchBudget enough = auto(LEAST);
        assertThat(enough.recompute()).isFalse();
        assertThat(enough.budget().tokens()).isEqualTo(512);
        assertThat(enough.notes()).isEmpty();

        MicroBatchBudget tight = auto(LEAST - 1);
        assertThat(tight.recompute()).isTrue();
        assertThat(tight.notes()).singleElement().asString().contains("without it the run would take 3.37 GiB");
    }

    @Test
    void aBudgetThatWasAskedForIsKeptAndDecidesAboutRecomputing() {
        OptionalInt asked = OptionalInt.of(2000);
        long without = KEPT + beside(2000) + forwardBeside(2000) + 2000 * (TOKEN + FORWARD_TOKEN);
        MicroBatchBudget fits = MicroBatchBudget.planned(asked, ActivationCheckpointing.AUTO, needs(300), without);
        assertThat(fits.recompute()).isFalse();
        MicroBatchBudget tight = MicroBatchBudget.planned(asked, ActivationCheckpointing.AUTO, needs(300), without - 1);
        assertThat(tight.recompute()).isTrue();
        assertThat(List.of(fits, tight)).allMatch(chosen -> chosen.budget().tokens() == 2000);
    }

    @Test
    void theChosenBudgetIsWhatHalfOfTheRoomHolds() {
        long room = 2 * 640 * (TOKEN + FORWARD_TOKEN);
        long fixed = KEPT + beside(1024) + forwardBeside(1024);
        assertThat(auto(fixed + room).budget().tokens()).isEqualTo(640);
        assertThat(auto(fixed + room - 1).budget().tokens()).isEqualTo(512);
        assertThat(auto(PLENTY).budget().tokens()).isEqualTo(1024);
    }

    @Test
    void onAndOffAreObeyed() {
        MicroBatchBudget on =
                MicroBatchBudget.planned(OptionalInt.empty(), ActivationCheckpointing.ON, needs(300), PLENTY);
        assertThat(on.recompute()).isTrue();
        assertThat(on.notes()).containsExactly("activation checkpointing is on, as asked");
        MicroBatchBudget off =
                MicroBatchBudget.planned(OptionalInt.empty(), ActivationCheckpointing.OFF, needs(300), LEAST - 1);
        assertThat(off.recompute()).isFalse();
        assertThatThrownBy(off::requireFits)
                .isInstanceOf(UserError.class)
                .hasMessageContaining("--activation-checkpointing on (");
    }

    @Test
    void whatCannotFitIsRefusedWithItsPartsAndTheSettingsThatWouldHelp() {
        assertThatCode(() -> auto(LEAST_RECOMPUTED).requireFits()).doesNotThrowAnyException();
        // Without the reference: 512 tokens of its pass and its weights, 282.6 MB less.
        assertThatThrownBy(() -> auto(LEAST_RECOMPUTED - 1).requireFits())
                .isInstanceOf(UserError.class)
                .hasMessage(
                        "the run would take 3.24 GiB of memory, but 3.24 GiB are free; its largest parts are adamw's"
                                + " two states, float32 (1.00 GiB); JVM, libtorch and data (572.2 MiB); weights, float32"
                                + " (513.1 MiB); what makes it smaller: --reference-logps stored (2.98 GiB),"
                                + " --tokens-per-micro-batch 300 (3.21 GiB), --optim rmsprop (2.74 GiB), a smaller model");
    }

    @Test
    void longExamplesAndFloat32AreNamedWhereTheyCost() {
        MemoryNeeds needs = needs(8000).with(ComputeType.FLOAT32);
        MicroBatchBudget chosen =
                MicroBatchBudget.planned(OptionalInt.empty(), ActivationCheckpointing.AUTO, needs, 1L << 30);
        assertThatThrownBy(chosen::requireFits)
                .hasMessageContaining("a lower --max-length, the longest example has 8000 tokens (")
                .hasMessageContaining("--dtype bfloat16 (")
                .hasMessageNotContaining("--activation-checkpointing")
                .hasMessageNotContaining("--tokens-per-micro-batch");
    }

    @Test
    void theTableHasALineForEachPart() {
        assertThat(plan(needs(300), 1024, true).table().lines().map(line -> line.replaceAll(" {2,}", " | ")))
                .containsExactly(
                        "weights, float32 | 513.1 MiB",
                        "gradients, float32 | 513.1 MiB",
                        "adamw's two states, float32 | 1.00 GiB",
                        "matrices again, bfloat16 | 256.5 MiB",
                        "reference, bfloat16 | 256.6 MiB",
                        "the largest tensor once more, while it is read or written | 108.0 MiB",
                        "JVM, libtorch and data | 572.2 MiB",
                        "activations of 1024 tokens, recomputed | 112.3 MiB",
                        "the reference's pass over 1024 tokens | 25.3 MiB",
                        "in all | 3.30 GiB",
                        "at most before the first step | 2.17 GiB",
                        "free | 1024.00 GiB",
                        "micro-batches hold up to 1024 tokens, the longest example has 300; activation checkpointing is on");
    }
}
