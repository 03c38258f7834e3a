package io.github.dpo4j.objective;

/** What preference tuning minimises: a mix of losses on pairs, or a loss on rankings. The two read other examples. */
public sealed interface TrainedLoss permits LossMix, PlackettLuce {
    /** True if a reference would be of no use. */
    boolean excludesReference();

    /** Returns where the loss is written down. */
    String source();
}
