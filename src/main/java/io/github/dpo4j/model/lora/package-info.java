/** Takes what an adapter is to be and PEFT's files; gives low-rank weights beside a frozen model's, and writes them back or merges them. Called by model and recipe. */
@NullMarked
package io.github.dpo4j.model.lora;

import org.jspecify.annotations.NullMarked;
