/** Takes examples and a model folder's tokenizer files; gives token ids cut into prompt and completion. No torch. Called by cli and recipe. */
@NullMarked
package io.github.dpo4j.text;

import org.jspecify.annotations.NullMarked;
