/** dpo4j: SFT, DPO and honest evaluation of language models. The packages below form one way through; see docs/architecture.md. */
@NullMarked
package io.github.dpo4j;

import org.jspecify.annotations.NullMarked;
