/** Takes a CausalLm's settings and weights and packed tokens; gives token logps and, by hand-written backward, gradients: products by libtorch, everything between them by kernel. CPU only. Called by logprob. */
@NullMarked
package io.github.dpo4j.model.fused;

import org.jspecify.annotations.NullMarked;
