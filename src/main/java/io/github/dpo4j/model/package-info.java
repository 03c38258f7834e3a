/** Takes a Hugging Face folder; gives a CausalLm, and writes it back. Called by recipe, logprob and generate. */
@NullMarked
package io.github.dpo4j.model;

import org.jspecify.annotations.NullMarked;
