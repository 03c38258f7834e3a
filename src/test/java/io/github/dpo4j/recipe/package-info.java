@NullMarked
package io.github.dpo4j.recipe;

import org.jspecify.annotations.NullMarked;
