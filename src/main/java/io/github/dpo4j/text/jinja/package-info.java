/**
 * Takes a chat template (the Jinja that Hugging Face models ship) and JSON variables; gives the rendered text. A small, sandboxed
 * and bounded interpreter that follows jinja2 as transformers sets it up; docs/decisions/0002-chat-templates.md says why. No torch.
 * Called by text.
 */
@NullMarked
package io.github.dpo4j.text.jinja;

import org.jspecify.annotations.NullMarked;
