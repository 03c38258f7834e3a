/** Files from strangers, mutated: an error or success each time, within bounds of time and memory. */
@NullMarked
package io.github.dpo4j.fuzz;

import org.jspecify.annotations.NullMarked;
