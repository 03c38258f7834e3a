package io.github.dpo4j.recipe;

import io.github.dpo4j.batch.PreferenceBatch;
import io.github.dpo4j.logprob.ReferenceLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.objective.PairMetrics;
import io.github.dpo4j.text.TokenizedPreference;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.train.Objective;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;

/** A loss of a policy and its reference over pairs or rankings. */
public sealed interface PreferenceObjective extends Objective permits DpoObjective, RankingObjective {
    CausalLm policy();

    ReferenceLogps reference();

    /** Returns the examples by their numbers. */
    List<? extends TokenizedPreference> preferences();

    /** Returns the loss of the {@code numbers} where policy = reference, if it is known without their logps. */
    OptionalDouble atZero(int[] numbers);

    /** Returns how large the parts of that loss are together, whatever their signs: its rounding is in proportion to them. */
    double sizeAtZero(int[] numbers);

    /** Returns the same objective with a policy that computes in another type. */
    PreferenceObjective computingIn(ComputeType type);

    /** Returns the objective of one example with all that no gradient flows through held at what it is now. */
    PreferenceObjective held(int example);

    @Override
    default int examples() {
        return preferences().size();
    }

    @Override
    default List<String> metricNames() {
        return PairMetrics.NAMES;
    }

    @Override
    default long tokens(int example) {
        return preferences().get(example).tokens();
    }

    /** Packs the examples of these numbers. */
    default PreferenceBatch batch(int[] numbers) {
        return PreferenceBatch.of(
                Arrays.stream(numbers).mapToObj(preferences()::get).toList());
    }
}
