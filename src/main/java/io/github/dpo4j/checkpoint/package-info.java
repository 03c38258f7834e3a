/** Takes a training state; gives atomic checkpoint folders, and reads them back strictly. Called by recipe. */
@NullMarked
package io.github.dpo4j.checkpoint;

import org.jspecify.annotations.NullMarked;
