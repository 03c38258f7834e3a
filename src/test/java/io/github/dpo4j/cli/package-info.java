@NullMarked
package io.github.dpo4j.cli;

import org.jspecify.annotations.NullMarked;
