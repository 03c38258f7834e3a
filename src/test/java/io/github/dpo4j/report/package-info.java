@NullMarked
package io.github.dpo4j.report;

import org.jspecify.annotations.NullMarked;
