package io.github.dpo4j.text;

/** Which end of a sequence that is too long stays. Names are TRL's. */
public enum TruncationMode {
    /** Completions lose their end; a pair whose prompt alone fills the length is dropped. */
    KEEP_START,
    /** The prompt loses its beginning, and only then completions their end (the DPO authors' order). */
    KEEP_END
}
