/** Takes rows of numbers in native memory; gives the element-wise parts of a decoder's forward and backward, and of the optimizer, in one pass each on the JVM's vector units. No torch. Called by fused and train. */
@NullMarked
package io.github.dpo4j.kernel;

import org.jspecify.annotations.NullMarked;
