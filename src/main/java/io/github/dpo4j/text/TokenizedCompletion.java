package io.github.dpo4j.text;

import io.github.dpo4j.data.Origin;

/** One SFT sequence as ids: a prompt that is only conditioned on and a completion that is scored. The prompt holds at least one id. */
@SuppressWarnings("ArrayRecordComponent") // ids are large and read in bulk; nobody compares sequences
public record TokenizedCompletion(Origin origin, int[] promptIds, int[] completionIds) {}
