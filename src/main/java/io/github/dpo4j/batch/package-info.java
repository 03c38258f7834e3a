/** Takes tokenized pairs or completions; gives packed micro-batches as plain arrays and the seeded order of steps. No torch. Called by recipe. */
@NullMarked
package io.github.dpo4j.batch;

import org.jspecify.annotations.NullMarked;
