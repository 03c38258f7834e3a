package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.batch.PackedTokens;
import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.logprob.ReferenceLogps;
import io.github.dpo4j.logprob.TokenLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.text.TokenizedCompletion;
import io.github.dpo4j.text.TokenizedPreference;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import io.github.dpo4j.train.GradientCheck;
import io.github.dpo4j.train.Objective;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/** Refuses to train on a set-up whose numbers are wrong at the start: what later looks like bad luck is found here. */
final class SelfCheck {
    private static final int MATES = 3;
    private static final double LOGPS_TOLERANCE = 1e-4;
    /** A logit of 16 is known to 1/16 in bfloat16, and packs of another size are rounded in another order. */
    private static final double BFLOAT16_TOLERANCE = 0.1;

    private SelfCheck() {}

    /**
     * Checks a DPO run before its first step and returns the line to print.
     *
     * @param samePolicy whether the reference is the policy's own start, so that the loss is known
     * @throws UserError if a check fails, with the reason
     */
    static String dpo(PreferenceObjective objective, boolean samePolicy, long seed) {
        List<String> passed = new ArrayList<>();
        OptionalDouble expected = objective.atZero(shortest(objective, MATES).toArray());
        if (samePolicy) {
            switch (objective.reference()) {
                case ReferenceLogps.Stored stored -> passed.add(storedLogps(objective, stored));
                case ReferenceLogps.Live _, ReferenceLogps.None _ ->
                    expected.ifPresent(loss -> passed.add(lossAtZero(objective, loss)));
            }
        }
        passed.addAll(inFloat32(objective, seed));
        return "self-check passed: " + String.join("; ", passed);
    }

    /** The checks that need float32; their model's memory is given back. */
    private static List<String> inFloat32(PreferenceObjective objective, long seed) {
        try (TensorScope _ = new TensorScope()) {
            PreferenceObjective exact = objective.computingIn(ComputeType.FLOAT32);
            List<? extends TokenizedPreference> mates = shortest(objective, MATES)
                    .mapToObj(objective.preferences()::get)
                    .toList();
            List<PackedTokens> alone = mates.stream()
                    .map(mate -> PreferenceBatch.withoutSharing(List.of(mate)).tokens())
                    .toList();
            PreferenceBatch together = PreferenceBatch.of(mates);
            return List.of(
                    batchMates(exact.policy(), alone, together.tokens(), together.sequences()),
                    gradient(exact, exact::held, objective.policy(), seed));
        }
    }

    /** Checks an SFT run before its first step and returns the line to print. */
    static String sft(SftObjective objective, long seed) {
        try (TensorScope _ = new TensorScope()) {
            SftObjective exact =
                    new SftObjective(objective.policy().computingIn(ComputeType.FLOAT32), objective.completions());
            List<TokenizedCompletion> mates =
                    shortest(exact, MATES).mapToObj(exact.completions()::get).toList();
            List<PackedTokens> alone =
                    mates.stream().map(mate -> packed(List.of(mate))).toList();
            int[][] each = IntStream.range(0, mates.size())
                    .mapToObj(mate -> new int[] {mate})
                    .toArray(int[][]::new);
            return "self-check passed: " + batchMates(exact.policy(), alone, packed(mates), each) + "; "
                    + gradient(exact, _ -> exact, objective.policy(), seed);
        }
    }

    private static String lossAtZero(PreferenceObjective objective, double expected) {
        int[] first = shortest(objective, MATES).toArray();
        double loss = Arrays.stream(objective.run(first, false).lossShares()).sum();
        if (!(Math.abs(loss - expected) <= 1e-6 * Math.max(1, objective.sizeAtZero(first)))) {
            throw failed(String.format(
                    Locale.ROOT,
                    "policy and reference are the same model, so the loss must be %.6f, but it is %.6f; the two are"
                            + " computed differently",
                    expected,
                    loss));
        }
        return String.format(Locale.ROOT, "policy = reference gives %.6f", loss);
    }

    /** Stored logps were computed among other batch mates, so here the same numbers are equal only up to rounding. */
    private static String storedLogps(PreferenceObjective objective, ReferenceLogps.Stored stored) {
        double tolerance = switch (objective.policy().computeType()) {
            case FLOAT32 -> LOGPS_TOLERANCE;
            case BFLOAT16 -> BFLOAT16_TOLERANCE;
        };
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            PreferenceBatch batch = objective.batch(shortest(objective, MATES).toArray());
            double[] policy = Tensors.toDoubles(TokenLogps.sums(objective.policy(), batch.tokens()));
            double[] reference = Tensors.toDoubles(stored.sums(batch));
            double worst = 0;
            for (int i = 0; i < policy.length; i++) {
                worst = Math.max(worst, difference(policy[i], reference[i]));
            }
            if (!(worst <= tolerance)) {
                throw failed(String.format(
                        Locale.ROOT,
                        "policy and reference are the same model, but its stored logps differ by %.1e (relative) from"
                                + " those it gives now; delete the store, or use --reference-logps live",
                        worst));
            }
            return String.format(Locale.ROOT, "policy = reference, whose stored logps differ by %.0e", worst);
        }
    }

    /** The shortest examples: what is checked does not depend on length, and the check must not need more memory than a step. */
    private static IntStream shortest(Objective objective, int count) {
        return IntStream.range(0, objective.examples())
                .boxed()
                .sorted(Comparator.comparingLong(objective::tokens))
                .limit(count)
                .mapToInt(Integer::intValue);
    }

    private static PackedTokens packed(List<TokenizedCompletion> completions) {
        return PackedTokens.ofSequences(
                completions.stream().map(TokenizedCompletion::promptIds).toList(),
                completions.stream().map(TokenizedCompletion::completionIds).toList());
    }

    /** Compares sequences with the same ones by themselves; {@code numbers} are those of each example's sequences in {@code together}. */
    private static String batchMates(
            CausalLm policy, List<PackedTokens> alone, PackedTokens together, int[][] numbers) {
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            double[] batched = Tensors.toDoubles(TokenLogps.sums(policy, together));
            double worst = 0;
            for (int i = 0; i < alone.size(); i++) {
                double[] single = Tensors.toDoubles(TokenLogps.sums(policy, alone.get(i)));
                for (int part = 0; part < single.length; part++) {
                    worst = Math.max(worst, difference(single[part], batched[numbers[i][part]]));
                }
            }
            if (!(worst <= LOGPS_TOLERANCE)) {
                throw failed(String.format(
                        Locale.ROOT,
                        "an example's logps alone and among others differ by %.1e (relative); they must not depend on"
                                + " batch mates",
                        worst));
            }
            return String.format(Locale.ROOT, "batch mates change logps by %.0e", worst);
        }
    }

    /** NaN where either is not a number, so that no comparison passes. */
    private static double difference(double a, double b) {
        return Math.abs(a - b) / Math.max(1, Math.abs(a));
    }

    /** {@code held} gives the objective of an example with all that no gradient flows through held. */
    private static String gradient(Objective objective, IntFunction<Objective> held, CausalLm policy, long seed) {
        int example = shortest(objective, 1).sum();
        GradientCheck.Result result = GradientCheck.run(
                objective, held.apply(example), policy.parameters(), policy.weights()::hasExactGradient, example, seed);
        if (!Double.isFinite(result.loss()) || !Double.isFinite(result.gradNorm())) {
            throw failed("loss " + result.loss() + " and gradient norm " + result.gradNorm() + " must be finite on "
                    + objective.describe(example));
        }
        if (!result.agrees()) {
            throw failed(String.format(
                    Locale.ROOT,
                    "autograd says the loss changes by %.4e in a random direction, finite differences say %.4e",
                    result.autograd(),
                    result.differences()));
        }
        return String.format(
                Locale.ROOT,
                "loss %.4f and gradient norm %.3g finite; autograd equals finite differences to %.0e",
                result.loss(),
                result.gradNorm(),
                result.relativeError());
    }

    private static UserError failed(String reason) {
        return new UserError("self-check failed, not training: " + reason);
    }
}
