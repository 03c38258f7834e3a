/** Takes tokenized pairs or completions; gives the seeded order of steps, and their micro-batches packed as plain arrays. No torch. Called by recipe. */
@NullMarked
package io.github.dpo4j.batch;

import org.jspecify.annotations.NullMarked;
