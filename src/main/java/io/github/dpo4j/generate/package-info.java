/** Takes a CausalLm and prompts; gives sampled or greedy completions with their logps. Called by cli, recipe and evaluate. */
@NullMarked
package io.github.dpo4j.generate;

import org.jspecify.annotations.NullMarked;
