/** Takes safetensors files and Hugging Face folders; gives named tensors as mapped bytes, and writes them back. No torch. Called by model and checkpoint; its dtypes are named by recipe and cli. */
@NullMarked
package io.github.dpo4j.safetensors;

import org.jspecify.annotations.NullMarked;
