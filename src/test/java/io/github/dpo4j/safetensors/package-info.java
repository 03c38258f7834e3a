@NullMarked
package io.github.dpo4j.safetensors;

import org.jspecify.annotations.NullMarked;
