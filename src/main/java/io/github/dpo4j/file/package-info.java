/** Takes bytes and a path; gives files that are whole or absent (temp file, fsync, rename). Called by every package that writes. */
@NullMarked
package io.github.dpo4j.file;

import org.jspecify.annotations.NullMarked;
