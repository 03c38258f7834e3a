/** Takes models, pairs and samples; gives reward accuracy, margins, KL and lexicon scores. Called by recipe and cli. */
@NullMarked
package io.github.dpo4j.evaluate;

import org.jspecify.annotations.NullMarked;
