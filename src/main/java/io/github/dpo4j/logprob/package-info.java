/** Takes a CausalLm and a packed batch; gives float32 token logps and their sums. Called by recipe and generate. */
@NullMarked
package io.github.dpo4j.logprob;

import org.jspecify.annotations.NullMarked;
