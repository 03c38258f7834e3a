/** Takes metrics, samples and settings; gives metrics.jsonl, run.json, report.html and the model card. Called by recipe. */
@NullMarked
package io.github.dpo4j.report;

import org.jspecify.annotations.NullMarked;
