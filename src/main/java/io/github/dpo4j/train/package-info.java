/** Takes micro-batches and an objective; makes optimizer steps: schedule, clipping, finite checks. Called by recipe. */
@NullMarked
package io.github.dpo4j.train;

import org.jspecify.annotations.NullMarked;
