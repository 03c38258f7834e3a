/** Reads like the algorithms: SFT, DPO, and the quickstart that runs one after the other. Called by cli and library users. */
@NullMarked
package io.github.dpo4j.recipe;

import org.jspecify.annotations.NullMarked;
