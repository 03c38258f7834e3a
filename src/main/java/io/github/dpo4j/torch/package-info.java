/** Owns everything about libtorch's memory, grad mode, devices, threads and errors; the only package that names JavaCPP's memory types. Called by every package that computes. */
@NullMarked
package io.github.dpo4j.torch;

import org.jspecify.annotations.NullMarked;
