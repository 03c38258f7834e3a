/** Takes log-ratios; gives the loss of each pair and the metrics of a step. Knows neither model nor train. Called by recipe. */
@NullMarked
package io.github.dpo4j.objective;

import org.jspecify.annotations.NullMarked;
