/** Takes dataset files (JSONL, JSON, gzip, HH transcripts); gives preference, SFT and prompt examples with their origin. No torch. Called by cli and recipe. */
@NullMarked
package io.github.dpo4j.data;

import org.jspecify.annotations.NullMarked;
